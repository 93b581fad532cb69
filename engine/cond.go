package engine

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// Cond is a compiled condition. It is evaluated in three values, and every evaluation explains itself.
type Cond struct {
	Source string
	root   condNode
}

// condNode is a tree of and, or and not over leaves. The tree is ours, so that what is unknown stays unknown only
// where it decides; the leaves are the expression library's.
type condNode struct {
	op   condOp
	kids []condNode
	leaf *leaf
}

type condOp int

const (
	opLeaf condOp = iota
	opAnd
	opOr
	opNot
)

// Explanation is the value of a condition, and the values that made it so.
type Explanation struct {
	Value Tri    `json:"value"`
	Terms []Term `json:"terms,omitempty"`
}

// Term is one part of a condition: a leaf, or a negated one.
type Term struct {
	Text  string `json:"text"`
	Value Tri    `json:"value"`
	Seen  []Seen `json:"seen,omitempty"`
	// Decides tells whether the condition's value rests on this term: of those that are joined by "and", one that is
	// false decides, whatever the others are.
	Decides bool `json:"decides,omitempty"`
}

// Seen is one value that a term looked at, as text for people.
type Seen struct {
	Name  string `json:"name"`
	Value string `json:"value"` // when not Known: why not
	Known bool   `json:"known,omitempty"`
}

// compileCond compiles a condition over the given names.
func compileCond(source string, n *names) (*Cond, []mistake) {
	tree, found := parseExpression(source, n, n.config)
	if len(found) > 0 {
		return nil, found
	}
	if k := kindOf(tree.Node); k != Bool && k != AnyValue {
		return nil, []mistake{{
			length: runes(source), message: "a condition must be true or false, and this is a " + string(k), rule: "type",
		}}
	}
	return &Cond{Source: source, root: condTree(tree.Node, n)}, nil
}

func condTree(node ast.Node, n *names) condNode {
	switch e := node.(type) {
	case *ast.UnaryNode:
		if e.Operator == "not" || e.Operator == "!" {
			return condNode{op: opNot, kids: []condNode{condTree(e.Node, n)}}
		}
	case *ast.BinaryNode:
		switch e.Operator {
		case "and", "&&":
			return condNode{op: opAnd, kids: []condNode{condTree(e.Left, n), condTree(e.Right, n)}}
		case "or", "||":
			return condNode{op: opOr, kids: []condNode{condTree(e.Left, n), condTree(e.Right, n)}}
		}
	}
	return condNode{leaf: newLeaf(node, n.config)}
}

// refs lists the names that the condition uses.
func (c *Cond) refs() []ref {
	if c == nil {
		return nil
	}
	var out []ref
	var walk func(condNode)
	walk = func(n condNode) {
		if n.leaf != nil {
			out = append(out, n.leaf.refs...)
		}
		for _, k := range n.kids {
			walk(k)
		}
	}
	walk(c.root)
	return out
}

// eval gives the condition's value over the facts, with its explanation. A condition that is not there is true.
func (c *Cond) eval(f facts) Explanation {
	if c == nil {
		return Explanation{Value: True}
	}
	var terms []Term
	value, deciding := c.root.eval(f, "", &terms)
	for _, k := range deciding {
		terms[k].Decides = true
	}
	return Explanation{Value: value, Terms: terms}
}

// eval looks at every leaf, also at those that no longer decide: an explanation that depends on the order of its terms
// would tell a different story for the same facts. deciding are the terms that the value rests on.
func (n condNode) eval(f facts, prefix string, terms *[]Term) (value Tri, deciding []int) {
	switch n.op {
	case opNot:
		if n.kids[0].op == opLeaf {
			return n.kids[0].eval(f, "not ", terms)
		}
		value, deciding = n.kids[0].eval(f, "", terms)
		return value.Not(), deciding
	case opAnd, opOr:
		left, leftTerms := n.kids[0].eval(f, "", terms)
		right, rightTerms := n.kids[1].eval(f, "", terms)
		value = left.And(right)
		if n.op == opOr {
			value = left.Or(right)
		}
		if left == value {
			deciding = append(deciding, leftTerms...)
		}
		if right == value {
			deciding = append(deciding, rightTerms...)
		}
		return value, deciding
	default:
		value, seen := n.leaf.truth(f)
		if prefix != "" {
			value = value.Not()
		}
		text := prefix + n.leaf.text
		at := slices.IndexFunc(*terms, func(t Term) bool { return t.Text == text })
		if at < 0 {
			at = len(*terms)
			*terms = append(*terms, Term{Text: text, Value: value, Seen: seen})
		}
		return value, []int{at}
	}
}

// truth gives the leaf's value as a truth value. A leaf that is nothing but a finding or a check's outcome is
// explained by what stands behind it.
func (l *leaf) truth(f facts) (Tri, []Seen) {
	if len(l.refs) == 1 && isName(l.node) {
		r := l.refs[0]
		switch {
		case r.root == "findings":
			value, terms := f.finding(r.id)
			var seen []Seen
			for _, t := range terms {
				seen = append(seen, t.Seen...)
			}
			return value, seen
		case r.root == "steps" && (r.field == wordHealthy || r.field == wordUnhealthy):
			v, known, why := f.value(r)
			if !known {
				return Unknown, []Seen{{Name: r.id, Value: why}}
			}
			return triOf(v == true), f.checked(r.id)
		}
	}
	v, known, seen := l.eval(f)
	b, ok := v.(bool)
	if !known || !ok {
		return Unknown, seen
	}
	return triOf(b), seen
}

// isName tells whether a node is a name and nothing else.
func isName(node ast.Node) bool {
	_, ok := nameOf(node)
	return ok
}
