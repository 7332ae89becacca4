package main

import (
	"flag"
	"fmt"
	"net"
	"os"
)

// runEcho serves connections one after the other, each with a session that echoes every stream. It
// is what the conformance suite is played against.
func runEcho(args []string) int {
	flags := flag.NewFlagSet("echo", flag.ExitOnError)
	libraryName := flags.String("library", "hashicorp", "hashicorp or go-yamux")
	client := flags.Bool("client", false, "be the Yamux client")
	address := flags.String("listen", "127.0.0.1:0", "address to listen on")
	inherited := flags.Bool("inherited", false, "serve the socket that is the standard input")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	library, err := findLibrary(*libraryName)
	if err == nil && *inherited {
		err = serveInherited(library, *client)
	} else if err == nil {
		err = serveListener(library, *client, *address)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func serveInherited(library library, client bool) error {
	conn, err := net.FileConn(os.Stdin)
	if err != nil {
		return err
	}
	session, err := library.start(conn, client, settings{})
	if err != nil {
		return err
	}
	echoUntilEnd(session)
	return nil
}

func serveListener(library library, client bool, address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("listening", listener.Addr())
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		session, err := library.start(conn, client, settings{})
		if err != nil {
			return err
		}
		go echoUntilEnd(session)
	}
}

func echoUntilEnd(s session) {
	for {
		stream, err := s.accept()
		if err != nil {
			return
		}
		// A stream that the suite resets is no concern of the endpoint.
		go func() { _ = serveEcho(stream) }()
	}
}
