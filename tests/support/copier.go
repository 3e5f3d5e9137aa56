// Copies by io.Copy, which on Linux splices from socket to socket.
//
//	copier serve ADDRESS tcp|mptcp          sends back what comes, until the client has ended
//	copier send ADDRESS tcp|mptcp BYTES N   N connections at once, BYTES each; exit code 1 if anything else comes back
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"strconv"
)

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(address string, multipath bool) {
	var config net.ListenConfig
	config.SetMultipathTCP(multipath)
	listener, err := config.Listen(context.Background(), "tcp", address)
	fail(err)
	for {
		connection, err := listener.Accept()
		fail(err)
		go func() {
			defer connection.Close()
			io.Copy(connection, connection)
		}()
	}
}

func send(address string, multipath bool, size int, seed int64) error {
	var dialer net.Dialer
	dialer.SetMultipathTCP(multipath)
	connection, err := dialer.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer connection.Close()
	content := make([]byte, size)
	rand.New(rand.NewSource(seed)).Read(content)
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(connection, bytes.NewReader(content))
		if err == nil {
			err = connection.(*net.TCPConn).CloseWrite()
		}
		sent <- err
	}()
	sum := sha256.New()
	received, err := io.Copy(sum, connection)
	if err != nil {
		return err
	}
	if err := <-sent; err != nil {
		return err
	}
	if expected := sha256.Sum256(content); received != int64(size) || !bytes.Equal(sum.Sum(nil), expected[:]) {
		return fmt.Errorf("%d bytes came back of %d, or others", received, size)
	}
	return nil
}

func main() {
	multipath := os.Args[3] == "mptcp"
	if os.Args[1] == "serve" {
		serve(os.Args[2], multipath)
	}
	size, err := strconv.Atoi(os.Args[4])
	fail(err)
	count, err := strconv.Atoi(os.Args[5])
	fail(err)
	ends := make(chan error, count)
	for i := 0; i < count; i++ {
		go func(seed int64) { ends <- send(os.Args[2], multipath, size, seed) }(int64(i))
	}
	for i := 0; i < count; i++ {
		fail(<-ends)
	}
	fmt.Println("ok", count)
}
