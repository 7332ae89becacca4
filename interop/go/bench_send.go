package main

import (
	"flag"
	"net"
	"sync"
)

// benchSendOnly connects to a Yamux server of another implementation and sends on a number of
// streams until that ends the connection:
//
//	bench send CONTENDER --connect ADDR [--streams N]
func benchSendOnly(args []string) error {
	flags := flag.NewFlagSet("bench send", flag.ContinueOnError)
	address := flags.String("connect", "", "address of the server")
	streams := flags.Int("streams", 1, "how many streams send")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	start, err := benchStarter(args[0])
	if err != nil {
		return err
	}
	conn, err := net.Dial("tcp", *address)
	if err != nil {
		return err
	}
	client, err := start(conn, true)
	if err != nil {
		return err
	}
	var senders sync.WaitGroup
	for range *streams {
		s, err := client.open()
		if err != nil {
			return err
		}
		senders.Add(1)
		go func() {
			defer senders.Done()
			data := make([]byte, benchBulkWrite)
			for {
				if _, err := s.Write(data); err != nil {
					return
				}
			}
		}()
	}
	senders.Wait()
	return nil
}
