// Command go is the Go side of the interop tests: it plays one part of a named conversation over a
// socket, with either of the Go implementations of Yamux.
//
// It talks to whoever started it in lines. On standard output: "listening ADDR", "signal NAME", and
// at the end "ok" or "failed REASON". On standard input: "signal NAME". The libraries log to
// standard error.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	switch os.Args[1] {
	case "play":
		os.Exit(runPlay(os.Args[2:]))
	case "bench":
		os.Exit(runBench(os.Args[2:]))
	case "echo":
		os.Exit(runEcho(os.Args[2:]))
	case "list":
		for _, c := range conversations {
			fmt.Println(c.name)
		}
	default:
		usage()
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: go play [flags] | echo [flags] | list | bench WORKLOAD CONTENDER [flags]")
	os.Exit(2)
}

func runPlay(args []string) int {
	if err := play(args); err != nil {
		fmt.Println("failed", err)
		return 1
	}
	fmt.Println("ok")
	return 0
}

func play(args []string) error {
	var e endpoint
	flags := flag.NewFlagSet("play", flag.ExitOnError)
	scenario := flags.String("scenario", "echo", "name of the conversation")
	libraryName := flags.String("library", "hashicorp", "hashicorp or go-yamux")
	client := flags.Bool("client", false, "be the Yamux client")
	active := flags.Bool("active", false, "play the active part")
	flags.StringVar(&e.network, "network", "tcp", "tcp, unix or tls")
	flags.StringVar(&e.listen, "listen", "", "address to listen on")
	flags.StringVar(&e.dial, "dial", "", "address to dial")
	flags.StringVar(&e.cert, "cert", "", "TLS certificate, a PEM file")
	flags.StringVar(&e.key, "key", "", "TLS private key, a PEM file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := findConversation(*scenario)
	if err != nil {
		return err
	}
	library, err := findLibrary(*libraryName)
	if err != nil {
		return err
	}
	conn, err := e.connect(func(addr string) { fmt.Println("listening", addr) })
	if err != nil {
		return err
	}
	return chosen.play(conn, library, newGate(os.Stdin, os.Stdout), *client, *active, false)
}

// play runs one part of a conversation over a connection, to its end.
func (c conversation) play(
	conn net.Conn, l library, g *gate, client, active, lenient bool,
) error {
	session, err := l.start(conn, client, c.settings(active))
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	p := part{session: session, gate: g, library: l, lenient: lenient, client: client}
	if active {
		return c.active(p)
	}
	return c.passive(p)
}
