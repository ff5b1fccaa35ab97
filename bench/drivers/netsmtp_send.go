// Go's net/smtp as a driver (see driver.hpp): a goroutine for each connection.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type task struct {
	host, port, mode, tls string
	count                 int64
	sessions              int
	text                  []byte
	config                *tls.Config
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func parse() task {
	if len(os.Args) < 6 {
		check(fmt.Errorf("usage: HOST PORT COUNT FILE MODE [KEY=VALUE...]"))
	}
	t := task{host: os.Args[1], port: os.Args[2], mode: os.Args[5], tls: "none", sessions: 1}
	var err error
	t.count, err = strconv.ParseInt(os.Args[3], 10, 64)
	check(err)
	t.text, err = os.ReadFile(os.Args[4])
	check(err)
	ca := ""
	sessions := 1000
	for _, pair := range os.Args[6:] {
		key, value, _ := strings.Cut(pair, "=")
		switch key {
		case "tls":
			t.tls = value
		case "ca":
			ca = value
		case "sessions":
			sessions, err = strconv.Atoi(value)
			check(err)
		}
	}
	if t.mode == "many" {
		t.sessions = sessions
	}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		check(err)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		t.config = &tls.Config{ServerName: t.host, RootCAs: roots, ClientSessionCache: tls.NewLRUClientSessionCache(64)}
	}
	return t
}

func connect(t *task) *smtp.Client {
	var conn net.Conn
	var err error
	address := net.JoinHostPort(t.host, t.port)
	if t.tls == "implicit" {
		conn, err = tls.Dial("tcp", address, t.config)
	} else {
		conn, err = net.Dial("tcp", address)
	}
	check(err)
	c, err := smtp.NewClient(conn, t.host)
	check(err)
	if t.tls == "starttls" {
		check(c.StartTLS(t.config))
	}
	return c
}

func send(c *smtp.Client, text []byte) {
	check(c.Mail("alice@example.org"))
	check(c.Rcpt("bob@example.net"))
	w, err := c.Data()
	check(err)
	_, err = w.Write(text)
	check(err)
	check(w.Close())
}

func work(t *task, left *int64) *smtp.Client {
	c := connect(t)
	for first := true; atomic.AddInt64(left, -1) >= 0; first = false {
		if t.mode == "reconnect" && !first {
			check(c.Quit())
			c = connect(t)
		}
		send(c, t.text)
	}
	return c
}

func used() syscall.Rusage {
	var u syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u
}

func seconds(after, before syscall.Timeval) float64 {
	return float64(after.Sec-before.Sec) + float64(after.Usec-before.Usec)/1e6
}

func peak() int {
	status, err := os.ReadFile("/proc/self/status")
	check(err)
	for _, line := range strings.Split(string(status), "\n") {
		if strings.HasPrefix(line, "VmHWM:") {
			kb, err := strconv.Atoi(strings.Fields(line)[1])
			check(err)
			return kb
		}
	}
	return 0
}

func main() {
	t := parse()
	left := t.count
	before, began := used(), time.Now()
	clients := make([]*smtp.Client, t.sessions)
	var all sync.WaitGroup
	for i := range clients {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			clients[i] = work(&t, &left)
		}(i)
	}
	all.Wait()
	wall, after := time.Since(began).Seconds(), used()
	for _, c := range clients {
		c.Close()
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"messages": t.count, "wall": wall, "rss_kb": peak(),
		"user": seconds(after.Utime, before.Utime), "sys": seconds(after.Stime, before.Stime),
	}))
}
