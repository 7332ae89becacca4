package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// endpoint says where the connection under test comes from.
type endpoint struct {
	network string // tcp, unix or tls
	listen  string
	dial    string
	cert    string // PEM file: what a TLS server shows and a TLS client trusts
	key     string // PEM file
}

// connect listens for one connection or dials one. Once it listens it reports the address.
func (e endpoint) connect(report func(addr string)) (net.Conn, error) {
	if (e.listen == "") == (e.dial == "") {
		return nil, errors.New("give either -listen or -dial")
	}
	socket := e.network
	if socket == "tls" {
		socket = "tcp"
	}
	if e.dial != "" {
		conn, err := net.Dial(socket, e.dial)
		if err != nil || e.network != "tls" {
			return conn, err
		}
		return e.tlsClient(conn)
	}
	listener, err := net.Listen(socket, e.listen)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	report(listener.Addr().String())
	conn, err := listener.Accept()
	if err != nil || e.network != "tls" {
		return conn, err
	}
	return e.tlsServer(conn)
}

func (e endpoint) tlsClient(conn net.Conn) (net.Conn, error) {
	pem, err := os.ReadFile(e.cert)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", e.cert)
	}
	secure := tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: "localhost"})
	return secure, secure.Handshake()
}

func (e endpoint) tlsServer(conn net.Conn) (net.Conn, error) {
	pair, err := tls.LoadX509KeyPair(e.cert, e.key)
	if err != nil {
		return nil, err
	}
	secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}})
	return secure, secure.Handshake()
}
