package main

import (
	"errors"
	"fmt"
	"io"
	"net"

	hashi "github.com/hashicorp/yamux"
	libp2p "github.com/libp2p/go-yamux/v5"
)

// benchStreams is a limit on streams that lets every workload run.
const benchStreams = 4_000_000

// benchPair is both ends of a session over loopback TCP. Go sets TCP_NODELAY by itself.
type benchPair struct {
	client, server session
	congestion     string
}

func connectBench(contender, congestion string) (*benchPair, error) {
	start, err := benchStarter(contender)
	if err != nil {
		return nil, err
	}
	near, far, inForce, err := connectLoopback(congestion)
	if err != nil {
		return nil, err
	}
	client, clientErr := start(near, true)
	server, serverErr := start(far, false)
	return &benchPair{client, server, inForce}, errors.Join(clientErr, serverErr)
}

// benchStarter finds what starts a session at one end of a connection.
func benchStarter(contender string) (func(net.Conn, bool) (session, error), error) {
	switch contender {
	case "go-hashicorp":
		return startBenchHashicorp, nil
	case "go-libp2p":
		return startBenchLibp2p, nil
	default:
		return nil, fmt.Errorf("no contender %q: want go-hashicorp or go-libp2p", contender)
	}
}

// Both libraries keep their defaults but for limits, and keep their logs to themselves: a session
// that ends with its process logs that it ended.

func startBenchHashicorp(conn net.Conn, client bool) (session, error) {
	config := hashi.DefaultConfig()
	config.LogOutput = io.Discard
	start := hashi.Server
	if client {
		start = hashi.Client
	}
	inner, err := start(conn, config)
	return &hashicorpSession{inner}, err
}

func startBenchLibp2p(conn net.Conn, client bool) (session, error) {
	config := libp2p.DefaultConfig()
	config.LogOutput = io.Discard
	config.MaxIncomingStreams = benchStreams
	start := libp2p.Server
	if client {
		start = libp2p.Client
	}
	inner, err := start(conn, config, nil)
	return &goYamuxSession{inner}, err
}

// connectLoopback makes a connection whose two sockets use the given congestion control, and says
// which one they really use.
func connectLoopback(congestion string) (near, far net.Conn, inForce string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, "", err
	}
	defer listener.Close()
	accepted := make(chan error, 1)
	go func() {
		var err error
		far, err = listener.Accept()
		accepted <- err
	}()
	near, err = net.Dial("tcp", listener.Addr().String())
	if err := errors.Join(err, <-accepted); err != nil {
		return nil, nil, "", err
	}
	for _, conn := range []net.Conn{near, far} {
		if inForce, err = setCongestion(conn.(*net.TCPConn), congestion); err != nil {
			return nil, nil, "", err
		}
	}
	return near, far, inForce, nil
}

func setCongestion(conn *net.TCPConn, name string) (inForce string, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return "", err
	}
	if name == "default" {
		return "default", nil
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = setCongestionOption(fd, name)
	})
	return name, errors.Join(err, failed)
}
