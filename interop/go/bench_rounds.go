package main

import (
	"errors"
	"io"
	"time"
)

const benchPingSize = 64

// benchEcho sends every ping back until the stream ends.
func benchEcho(s stream) error {
	data := make([]byte, benchPingSize)
	for {
		if _, err := io.ReadFull(s, data); err == io.EOF {
			return s.finish()
		} else if err != nil {
			return err
		}
		if _, err := s.Write(data); err != nil {
			return err
		}
	}
}

// benchPing sends pings and times each answer.
func benchPing(s stream, limit budget) ([]time.Duration, error) {
	var latencies []time.Duration
	data := make([]byte, benchPingSize)
	sent := time.Now()
	for p := limit.start(1); p.more(); {
		if _, err := s.Write(data); err != nil {
			return latencies, err
		}
		if _, err := io.ReadFull(s, data); err != nil {
			return latencies, err
		}
		received := time.Now()
		latencies = append(latencies, received.Sub(sent))
		sent = received
	}
	return latencies, nil
}

// rounds is what one of the tasks of a workload found.
type rounds struct {
	latencies []time.Duration
	err       error
}

// measureRounds runs tasks at the same time and puts their latencies together.
func measureRounds(tasks int, task func(i int) ([]time.Duration, error)) (*measurement, error) {
	results := make(chan rounds, tasks)
	watch := startStopwatch()
	for i := range tasks {
		go func() {
			latencies, err := task(i)
			results <- rounds{latencies, err}
		}()
	}
	var all rounds
	for range tasks {
		result := <-results
		all.latencies = append(all.latencies, result.latencies...)
		all.err = errors.Join(all.err, result.err)
	}
	m := watch.stop(uint64(len(all.latencies)), "per_second")
	m.addLatency(all.latencies)
	return m, all.err
}

func benchPingPong(pair *benchPair, limit budget, streams int) (*measurement, error) {
	near, far, err := benchStreamPairs(pair, streams)
	if err != nil {
		return nil, err
	}
	for _, s := range far {
		go benchEcho(s)
	}
	return measureRounds(streams, func(i int) ([]time.Duration, error) {
		return benchPing(near[i], limit.share(streams))
	})
}

// benchChurn opens a stream, sends a request and ends it, and reads the response to its end.
func benchChurn(pair *benchPair, limit budget, tasks int) (*measurement, error) {
	go func() {
		for {
			s, err := pair.server.accept()
			if err != nil {
				return
			}
			go benchRespond(s)
		}
	}()
	return measureRounds(tasks, func(int) ([]time.Duration, error) {
		var latencies []time.Duration
		for p := limit.share(tasks).start(1); p.more(); {
			began := time.Now()
			if err := benchRequest(pair.client); err != nil {
				return latencies, err
			}
			latencies = append(latencies, time.Since(began))
		}
		return latencies, nil
	})
}

func benchRequest(client session) error {
	s, err := client.open()
	if err != nil {
		return err
	}
	data := make([]byte, benchPingSize)
	if _, err := s.Write(data); err != nil {
		return err
	}
	if err := s.finish(); err != nil {
		return err
	}
	if _, err := io.ReadFull(s, data); err != nil {
		return err
	}
	return benchEnd(s)
}

func benchRespond(s stream) error {
	data := make([]byte, benchPingSize)
	if _, err := io.ReadFull(s, data); err != nil {
		return err
	}
	if err := benchEnd(s); err != nil {
		return err
	}
	_, err := s.Write(data)
	return errors.Join(err, s.finish())
}

// benchEnd expects the end of the stream.
func benchEnd(s stream) error {
	_, err := s.Read(make([]byte, 1))
	if err == io.EOF {
		return nil
	}
	return errors.Join(errors.New("expected the end of the stream"), err)
}
