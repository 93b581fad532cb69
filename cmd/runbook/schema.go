package main

import (
	"github.com/urfave/cli/v2"

	"runbook/engine/schema"
)

func (p program) schemaCommand() command {
	return command{
		name: "schema", args: "[--scenarios]", about: "print the JSON Schema of runbooks, for editors",
		text:    "An editor that reads YAML with a schema then completes keys and step kinds, and underlines mistakes. Name the schema in the first line of a runbook: # yaml-language-server: $schema=runbook.schema.json",
		example: "runbook schema > runbook.schema.json",
		flags:   []flag{{name: "scenarios", about: "that of scenarios instead"}},
		do:      p.schema,
	}
}

func (p program) schema(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	kinds, err := p.kinds()
	if err != nil {
		return err
	}
	generate := func() ([]byte, error) { return schema.Generate(kinds) }
	if c.Bool("scenarios") {
		generate = schema.Scenarios
	}
	text, err := generate()
	if err != nil {
		return err
	}
	_, err = p.stdout.Write(text)
	return err
}
