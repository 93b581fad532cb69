package main

import (
	"encoding/xml"
	"fmt"

	"runbook/engine"
	"runbook/engine/scenario"
)

// What a test prints for machines.

type testJSON struct {
	Scenarios []scenarioJSON `json:"scenarios"`
	Coverage  []coverageJSON `json:"coverage"` // none when only some scenarios were rehearsed
}

type scenarioJSON struct {
	Runbook     string                `json:"runbook"`
	Scenario    string                `json:"scenario"`
	Title       string                `json:"title,omitempty"`
	File        string                `json:"file"`
	Line        int                   `json:"line"`
	Passed      bool                  `json:"passed"`
	Verdict     engine.Verdict        `json:"verdict"`
	Problems    []scenario.Problem    `json:"problems,omitempty"` // what the scenario does not say
	Differences []scenario.Difference `json:"differences,omitempty"`
}

type coverageJSON struct {
	Runbook string    `json:"runbook"`
	File    string    `json:"file"`
	Percent int       `json:"percent"`
	Reached int       `json:"reached"`
	Of      int       `json:"of"`
	Gaps    []gapJSON `json:"gaps"`
}

type gapJSON struct {
	Line int    `json:"line"`
	Col  int    `json:"col"`
	Text string `json:"text"`
}

func testedJSON(all []*rehearsed, whole bool) testJSON {
	out := testJSON{Scenarios: []scenarioJSON{}, Coverage: []coverageJSON{}}
	for _, r := range all {
		for _, result := range r.results {
			s := result.scenario
			out.Scenarios = append(out.Scenarios, scenarioJSON{
				Runbook: r.book.Name, Scenario: s.Name.Value, Title: s.Title, File: r.file, Line: s.Name.Pos.Line,
				Passed: result.text == "", Verdict: result.verdict, Problems: result.problems, Differences: result.differences,
			})
		}
		if !whole {
			continue
		}
		c := coverageJSON{Runbook: r.book.Name, File: r.book.File, Percent: r.coverage.Percent(), Gaps: []gapJSON{}}
		c.Reached, c.Of = r.coverage.Count()
		for _, g := range r.coverage.Gaps() {
			c.Gaps = append(c.Gaps, gapJSON{g.Pos.Line, g.Pos.Col, g.Text})
		}
		out.Coverage = append(out.Coverage, c)
	}
	return out
}

// The part of JUnit's XML that CI systems read.

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr"`
	Line    int           `xml:"line,attr"`
	Seconds string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func junit(all []*rehearsed) ([]byte, error) {
	var out junitSuites
	for _, r := range all {
		suite := junitSuite{Name: r.book.Name, Tests: len(r.results), Failures: r.failed()}
		for _, result := range r.results {
			c := junitCase{
				Class: r.book.Name, Name: result.scenario.Name.Value, File: r.file, Line: result.scenario.Name.Pos.Line,
				Seconds: fmt.Sprintf("%.3f", result.took.Seconds()),
			}
			if result.text != "" {
				c.Failure = &junitFailure{Message: result.scenario.Title, Text: result.text}
			}
			suite.Cases = append(suite.Cases, c)
		}
		out.Suites = append(out.Suites, suite)
	}
	raw, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the results: %w", err)
	}
	return append([]byte(xml.Header), append(raw, '\n')...), nil
}
