// Command web is a small service: it counts visits in an SQLite database and says which platform it runs on.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"go.uber.org/zap"
)

func main() {
	address := flag.String("listen", ":8080", "address to listen on")
	database := flag.String("database", "file:/tmp/visits.db", "SQLite database")
	version := flag.Bool("version", false, "print the platform and end")
	flag.Parse()
	if *version {
		fmt.Printf("web on %s/%s, %s\n", runtime.GOOS, runtime.GOARCH, runtime.Version())
		return
	}
	log := zap.Must(zap.NewProduction())
	defer func() { _ = log.Sync() }()
	if err := serve(*address, *database, log); err != nil {
		log.Fatal("ended", zap.Error(err))
	}
}

func serve(address, database string, log *zap.Logger) error {
	visits, err := openVisits(database)
	if err != nil {
		return err
	}
	defer func() { _ = visits.Close() }()

	server := &http.Server{Addr: address, Handler: routes(visits, log), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	log.Info("listening", zap.String("address", address), zap.String("arch", runtime.GOARCH))

	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	select {
	case err := <-ended:
		return err
	case <-stop.Done():
	}
	grace, cancelGrace := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancelGrace()
	if err := server.Shutdown(grace); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
