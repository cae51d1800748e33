package main

import (
	"encoding/json"
	"net/http"
	"runtime"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"go.uber.org/zap"
)

type greeting struct {
	Message string `json:"message"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Visits  int64  `json:"visits"`
}

func routes(visits *Visits, log *zap.Logger) http.Handler {
	router := chi.NewRouter()
	router.Use(middleware.Recoverer)
	router.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	router.Get("/", greet("visitor", visits, log))
	router.Get("/hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		greet(chi.URLParam(r, "name"), visits, log)(w, r)
	})
	return router
}

func greet(name string, visits *Visits, log *zap.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		count, err := visits.Add(r.Context(), name)
		if err != nil {
			log.Error("visit not counted", zap.Error(err))
			http.Error(w, "visit not counted", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		answer := greeting{Message: "hello, " + name, OS: runtime.GOOS, Arch: runtime.GOARCH, Visits: count}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			log.Warn("answer not written", zap.Error(err))
		}
	}
}
