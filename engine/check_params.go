package engine

import "regexp"

// textual tells whether values of this type are text that a pattern can be held against.
func (t ParamType) textual() bool {
	switch t {
	case ParamString, ParamPath, ParamURL, ParamUnit, ParamUser:
		return true
	case ParamInt, ParamNumber, ParamBool, ParamDuration, ParamPort, ParamEnum:
		return false
	default:
		return true // a type that could not be read: say nothing more about it
	}
}

// numeric tells whether values of this type are numbers that have bounds.
func (t ParamType) numeric() bool {
	switch t {
	case ParamInt, ParamNumber, ParamPort:
		return true
	case ParamString, ParamBool, ParamDuration, ParamPath, ParamURL, ParamUnit, ParamUser, ParamEnum:
		return false
	default:
		return true
	}
}

func (v *review) paramValues() {
	for _, p := range v.rb.Params {
		_, given := p.Given["values"]
		switch {
		case p.Type == "":
		case p.Type == ParamEnum && !given:
			v.reportAt(p.TypePos, len(p.Type), "", "an enum needs values, like values: [low, high]")
		case p.Type != ParamEnum && given:
			v.reportKey(p.Given, "values", "values belongs to an enum, and %s is of type %s", p.Name.Value, p.Type)
		}
	}
}

func (v *review) paramRange() {
	for _, p := range v.rb.Params {
		if !p.Type.numeric() {
			for _, key := range []string{"min", "max"} {
				if _, given := p.Given[key]; given {
					v.reportKey(p.Given, key, "%s belongs to numbers, and %s is of type %s", key, p.Name.Value, p.Type)
				}
			}
			continue
		}
		if p.Min != nil && p.Max != nil && *p.Min > *p.Max {
			v.reportKey(p.Given, "min", "min (%g) is above max (%g): no value fits", *p.Min, *p.Max)
		}
	}
}

func (v *review) paramPattern() {
	for _, p := range v.rb.Params {
		if _, given := p.Given["pattern"]; given && !p.Type.textual() {
			v.reportKey(p.Given, "pattern", "pattern belongs to text, and %s is of type %s", p.Name.Value, p.Type)
			continue
		}
		if _, err := regexp.Compile(p.Pattern.Value); err != nil {
			v.report(p.Pattern, "", "pattern must be a regular expression (fault: %s)", regexpFault(err))
		}
	}
}

func (v *review) paramOptional() {
	for _, p := range v.rb.Params {
		at, hasDefault := p.Given["default"]
		switch {
		case p.Given == nil || p.Secret:
		case hasDefault && p.Required:
			v.reportAt(at, len("default"), "", "%s is required, so its default is never used: take one of the two away", p.Name.Value)
		case !hasDefault && !p.Required:
			v.report(p.Name, "", "%s has no default and is not required: what would its value be? Add a default, or required: true", quoteKey(p.Name.Value))
		}
	}
}

func (v *review) paramDefault() {
	for _, p := range v.rb.Params {
		if p.Default == nil || p.Type == "" || p.Secret || isTemplate(*p.Default) {
			continue // nothing to hold it against, or another rule's business
		}
		if _, want, hint := p.value(p.Default.Text.Value); want != "" {
			v.report(p.Default.Text, hint, "%s", misfitMessage("the default of "+p.Name.Value, p.Default.Text.Value, want))
		}
	}
}

func (v *review) paramSecret() {
	for _, p := range v.rb.Params {
		if !p.Secret {
			continue
		}
		for _, key := range []string{"default", "values"} {
			if _, given := p.Given[key]; given {
				v.reportKey(p.Given, key, "%s is a secret: its value can't stand in the file", p.Name.Value)
			}
		}
		if _, given := p.Given["pattern"]; given {
			v.reportKey(p.Given, "pattern", "%s is a secret: its value is only looked up when a step needs it, so no pattern is held against it", p.Name.Value)
		}
		if p.Type != ParamString && p.Type != "" {
			v.reportAt(p.TypePos, len(p.Type), "", "%s is a secret, which is of type string", p.Name.Value)
		}
	}
}
