//go:build unix

package main

import (
	"syscall"
	"time"
)

// cpuTime is what this process has used of the processors, where the system tells.
func cpuTime() (user, system time.Duration, told bool) {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0, 0, false
	}
	return time.Duration(usage.Utime.Nano()), time.Duration(usage.Stime.Nano()), true
}

func setCongestionOption(socket uintptr, name string) error {
	const level, option = syscall.IPPROTO_TCP, 13 // TCP_CONGESTION on Linux, unknown elsewhere
	return syscall.SetsockoptString(int(socket), level, option, name)
}
