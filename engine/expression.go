package engine

import (
	"errors"
	"reflect"
	"slices"
	"sync"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// Bounds of one expression, so that no runbook can make an evaluation long or large.
const (
	maxNodes     = 1_000
	memoryBudget = 100_000 // elements that an evaluation may make
)

// ref is one name that an expression uses: steps.ID.FIELD, findings.ID, params.NAME, run.X, alert.X, or a field of
// the check's own output, which stands bare.
type ref struct {
	root  string // steps, findings, params, run, alert, or "" for the check's own output
	id    string // of the step, finding or parameter
	field string // of the step, or of the own output
	// used are the fields that predicates look at in the elements, with the whole value where there are none.
	used []string
}

func (r ref) String() string {
	switch r.root {
	case "":
		return r.field
	case "steps":
		return r.id + "." + r.field
	case "findings":
		return r.id
	default:
		return r.root + "." + r.id
	}
}

// mistake is what is wrong with an expression, at an offset in runes.
type mistake struct {
	offset  int
	length  int
	message string
	hint    string
	rule    string
}

// parseExpression parses and type-checks a source against the names that may stand in it.
func parseExpression(source string, names *names, config *conf.Config) (*parser.Tree, []mistake) {
	tree, err := parser.ParseWithConfig(source, config)
	if err != nil {
		return nil, []mistake{mistakeOf(err, "expression")}
	}
	if found := names.check(tree.Node); len(found) > 0 {
		return nil, found
	}
	if _, err := checker.Check(tree, config); err != nil {
		return nil, []mistake{mistakeOf(err, "type")}
	}
	return tree, nil
}

func mistakeOf(err error, rule string) mistake {
	if fe, ok := errors.AsType[*file.Error](err); ok {
		return mistake{offset: fe.From, length: fe.To - fe.From, message: fe.Message, rule: rule}
	}
	return mistake{message: err.Error(), rule: rule}
}

// leaf is a part of an expression that is evaluated in one piece: its value is known when all that it names is.
type leaf struct {
	text    string
	node    ast.Node
	refs    []ref
	program func() (*vm.Program, error)
}

func newLeaf(node ast.Node, config *conf.Config) *leaf {
	return &leaf{
		text: node.String(),
		node: node,
		refs: refsOf(node),
		// Most conditions of a loaded runbook are never evaluated, so the code of one is made when it is first asked for.
		program: sync.OnceValues(func() (*vm.Program, error) {
			return compiler.Compile(&parser.Tree{Node: node, Source: file.NewSource(node.String())}, config)
		}),
	}
}

// facts are the values that expressions are evaluated over.
type facts interface {
	// value of a ref. It is unknown, and why says so, when known is false.
	value(r ref) (v any, known bool, why string)
	// finding is the truth of a finding, with the terms that made it so.
	finding(id string) (Tri, []Term)
	// checked tells how the check came to its outcome, in the words of its own expect.
	checked(id string) []Seen
}

// eval gives the leaf's value. It is not known when something that it names is not, or when the values that came from
// the outside do not carry the operation (an index past the end, a field of a null).
func (l *leaf) eval(f facts) (v any, known bool, seen []Seen) {
	env := map[string]any{}
	known = true
	for _, r := range l.refs {
		if r.root == "findings" {
			t, _ := f.finding(r.id)
			known = known && t != Unknown
			put(env, r, t == True)
			seen = append(seen, Seen{Name: r.id, Value: t.String(), Known: t != Unknown})
			continue
		}
		v, ok, why := f.value(r)
		if ok && hidden(v, r.used) {
			ok, why = false, "the owner could not be seen"
			if len(r.used) > 0 {
				why = "not all of it could be seen"
			}
		}
		if !ok {
			known = false
			seen = append(seen, Seen{Name: r.String(), Value: why})
			continue
		}
		put(env, r, v)
		seen = append(seen, Seen{Name: r.String(), Value: show(v, r.used), Known: true})
	}
	if !known {
		return nil, false, seen
	}
	program, err := l.program()
	if err != nil {
		return nil, false, append(seen, Seen{Name: l.text, Value: err.Error()})
	}
	machine := vm.VM{MemoryBudget: memoryBudget}
	v, err = machine.Run(program, env)
	if err != nil {
		m := mistakeOf(err, "")
		return nil, false, append(seen, Seen{Name: l.text, Value: m.message})
	}
	if v, err = asPlain(v); err != nil {
		return nil, false, append(seen, Seen{Name: l.text, Value: err.Error()})
	}
	return v, true, seen
}

// put places a value where the expression will look for it.
func put(env map[string]any, r ref, v any) {
	under := func(m map[string]any, key string) map[string]any {
		inner, ok := m[key].(map[string]any)
		if !ok {
			inner = map[string]any{}
			m[key] = inner
		}
		return inner
	}
	switch r.root {
	case "":
		env[r.field] = v
	case "steps":
		under(under(env, "steps"), r.id)[r.field] = v
	default:
		under(env, r.root)[r.id] = v
	}
}

// hidden tells whether a value holds a null where the expression looks, at any depth: something was there that nobody
// could see.
func hidden(v any, used []string) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return slices.ContainsFunc(v, func(item any) bool { return item != nil && hidden(item, used) })
	case map[string]any:
		return slices.ContainsFunc(used, func(name string) bool {
			field, there := v[name]
			return there && hidden(field, used)
		})
	default:
		return false
	}
}

// refsOf lists the names that an expression uses, each once, in the order in which they stand.
func refsOf(node ast.Node) []ref {
	var refs []ref
	add := func(r ref) {
		i := slices.IndexFunc(refs, func(o ref) bool { return o.root == r.root && o.id == r.id && o.field == r.field })
		if i < 0 {
			refs = append(refs, r)
			return
		}
		for _, name := range r.used {
			if !slices.Contains(refs[i].used, name) {
				refs[i].used = append(refs[i].used, name)
			}
		}
	}
	walkNames(node, func(r ref, _ ast.Node) { add(r) })
	return refs
}

// walkNames calls visit for every name in an expression. Below a builtin with a predicate, the fields that the
// predicate looks at belong to the name that the builtin goes through.
func walkNames(node ast.Node, visit func(ref, ast.Node)) {
	switch n := node.(type) {
	case *ast.MemberNode:
		if r, ok := nameOf(n); ok {
			visit(r, n)
			return
		}
		if property, ok := n.Property.(*ast.StringNode); ok { // an element's field: sockets[0].unit
			walkNames(n.Node, using([]string{property.Value}, visit))
			return
		}
	case *ast.IdentifierNode:
		if r, ok := nameOf(n); ok {
			visit(r, n)
			return
		}
	case *ast.BuiltinNode:
		if len(n.Arguments) >= 2 {
			if p, ok := n.Arguments[1].(*ast.PredicateNode); ok {
				walkNames(n.Arguments[0], using(pointerFields(p), visit))
				for _, more := range n.Arguments[1:] { // reduce has a beginning, sortBy an order
					walkNames(more, visit)
				}
				return
			}
		}
	}
	for _, child := range children(node) {
		walkNames(child, visit)
	}
}

// using adds the fields that the expression looks at in a name's value.
func using(fields []string, visit func(ref, ast.Node)) func(ref, ast.Node) {
	return func(r ref, at ast.Node) {
		r.used = append(slices.Clone(r.used), fields...)
		visit(r, at)
	}
}

// nameOf reads the longest name that a node stands for: steps.ID.FIELD, findings.ID, params.NAME, or a bare field.
func nameOf(node ast.Node) (ref, bool) {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		switch n.Value {
		case "steps", "findings", "params", "run", "alert", "$env":
			return ref{root: n.Value}, true
		}
		return ref{field: n.Value}, true
	case *ast.MemberNode:
		property, ok := n.Property.(*ast.StringNode)
		if !ok {
			return ref{}, false
		}
		switch base := n.Node.(type) {
		case *ast.IdentifierNode:
			if r, _ := nameOf(base); r.root != "" {
				return ref{root: r.root, id: property.Value}, true
			}
		case *ast.MemberNode:
			if root, ok := base.Node.(*ast.IdentifierNode); ok && root.Value == "steps" {
				if id, ok := base.Property.(*ast.StringNode); ok {
					return ref{root: "steps", id: id.Value, field: property.Value}, true
				}
			}
		}
	}
	return ref{}, false
}

// pointerFields lists the fields of an element that a predicate looks at: .unit, #.unit.
func pointerFields(p *ast.PredicateNode) []string {
	var names []string
	var walk func(ast.Node)
	walk = func(n ast.Node) {
		if m, ok := n.(*ast.MemberNode); ok {
			if _, ok := m.Node.(*ast.PointerNode); ok {
				if s, ok := m.Property.(*ast.StringNode); ok && !slices.Contains(names, s.Value) {
					names = append(names, s.Value)
				}
			}
		}
		for _, c := range children(n) {
			walk(c)
		}
	}
	walk(p.Node)
	return names
}

// children lists the parts of a node, in the order in which they stand.
func children(node ast.Node) []ast.Node {
	switch n := node.(type) {
	case *ast.UnaryNode:
		return []ast.Node{n.Node}
	case *ast.BinaryNode:
		return []ast.Node{n.Left, n.Right}
	case *ast.ChainNode:
		return []ast.Node{n.Node}
	case *ast.MemberNode:
		return []ast.Node{n.Node, n.Property}
	case *ast.SliceNode:
		out := []ast.Node{n.Node}
		if n.From != nil {
			out = append(out, n.From)
		}
		if n.To != nil {
			out = append(out, n.To)
		}
		return out
	case *ast.CallNode:
		return append([]ast.Node{n.Callee}, n.Arguments...)
	case *ast.BuiltinNode:
		return n.Arguments
	case *ast.PredicateNode:
		return []ast.Node{n.Node}
	case *ast.ConditionalNode:
		return []ast.Node{n.Cond, n.Exp1, n.Exp2}
	case *ast.VariableDeclaratorNode:
		return []ast.Node{n.Value, n.Expr}
	case *ast.SequenceNode:
		return n.Nodes
	case *ast.ArrayNode:
		return n.Nodes
	case *ast.MapNode:
		return n.Pairs
	case *ast.PairNode:
		return []ast.Node{n.Key, n.Value}
	default:
		return nil
	}
}

// kindOf is the language's type of a checked expression, AnyValue when it is only known at run time.
func kindOf(node ast.Node) TypeKind {
	switch node.Type().Kind() {
	case reflect.String:
		return String
	case reflect.Int:
		return Int
	case reflect.Float64:
		return Number
	case reflect.Bool:
		return Bool
	case reflect.Slice, reflect.Array:
		return List
	case reflect.Map, reflect.Struct:
		return Map
	default:
		return AnyValue
	}
}
