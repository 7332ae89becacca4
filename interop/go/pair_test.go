package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestPairs plays every conversation Go against Go: a scenario that fails here is wrong itself.
func TestPairs(t *testing.T) {
	for _, l := range libraries {
		for _, c := range conversations {
			if c.name == "go-away" && !l.traits.goAwayKeepsStreams {
				continue
			}
			for _, clientActive := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/client-active=%v", l.name, c.name, clientActive), func(t *testing.T) {
					if err := playPair(t, c, l, clientActive); err != nil {
						t.Fatal(err)
					}
				})
			}
		}
	}
}

func playPair(t *testing.T, c conversation, l library, clientActive bool) error {
	client, server := connPair(t)
	toClient, fromServer := io.Pipe()
	toServer, fromClient := io.Pipe()
	clientGate := newGate(toClient, fromClient)
	serverGate := newGate(toServer, fromServer)
	if strings.HasPrefix(c.name, "keepalive") {
		// The Rust side counts pings; here there is nobody who does, so time has to do.
		time.AfterFunc(200*time.Millisecond, func() {
			_ = clientGate.signal("kept alive")
			_ = serverGate.signal("kept alive")
		})
	}
	result := make(chan error, 2)
	go func() { result <- c.play(client, l, clientGate, true, clientActive, true) }()
	go func() { result <- c.play(server, l, serverGate, false, !clientActive, true) }()
	for range 2 {
		select {
		case err := <-result:
			if err != nil {
				return err
			}
		case <-time.After(time.Minute):
			return fmt.Errorf("%s does not end", c.name)
		}
	}
	return nil
}

func connPair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err = net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

// TestPattern pins the first bytes of a sequence, which the Rust side pins too.
func TestPattern(t *testing.T) {
	p := pattern{seed: 1}
	buf := make([]byte, 16)
	p.fill(buf[:5])
	p.fill(buf[5:])
	if got, want := fmt.Sprintf("%x", buf), "c15c0289ec2d0a9167ec8e65a18debbe"; got != want {
		t.Fatalf("expected %s, got %s", want, got)
	}
	again := pattern{seed: 1}
	if err := again.check(buf); err != nil {
		t.Fatal(err)
	}
	buf[9] ^= 1
	again = pattern{seed: 1}
	if again.check(buf) == nil {
		t.Fatal("a wrong byte went unnoticed")
	}
}
