package main

import (
	"context"
	"database/sql"

	_ "modernc.org/sqlite"
)

// Visits counts visits by name.
type Visits struct{ db *sql.DB }

func openVisits(source string) (*Visits, error) {
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE TABLE IF NOT EXISTS visits (name TEXT PRIMARY KEY, count INTEGER NOT NULL)`); err != nil {
		return nil, err
	}
	return &Visits{db: db}, nil
}

// Add counts one more visit of name and returns how many there were.
func (v *Visits) Add(ctx context.Context, name string) (int64, error) {
	var count int64
	const add = `INSERT INTO visits (name, count) VALUES (?, 1)
		ON CONFLICT (name) DO UPDATE SET count = count + 1 RETURNING count`
	err := v.db.QueryRowContext(ctx, add, name).Scan(&count)
	return count, err
}

// Close closes the database.
func (v *Visits) Close() error { return v.db.Close() }
