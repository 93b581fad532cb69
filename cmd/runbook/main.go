package main

import "os"

func main() {
	os.Exit(program{args: os.Args, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}.run())
}
