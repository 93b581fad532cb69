package host

// siteFaults returns those of the backend and of nginx, which stands before both applications.
func siteFaults() []Fault {
	return nil
}
