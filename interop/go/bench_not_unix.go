//go:build !unix

package main

import (
	"errors"
	"time"
)

func cpuTime() (user, system time.Duration, told bool) { return 0, 0, false }

func setCongestionOption(uintptr, string) error { return errors.ErrUnsupported }
