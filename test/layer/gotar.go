// Gotar is Go's archive/tar on the command line: the oracle for the tar codec.
//
//	gotar list FILE...    reads tars, one JSON line each
//	gotar write < LINES   writes a tar of the entries on standard input, one JSON line each
//
// Names, values and contents are base64, as they need not be UTF-8.
package main

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"time"
)

type entry struct {
	Name     string            `json:"name"`
	Linkname string            `json:"linkname"`
	Type     byte              `json:"type"`
	Size     int64             `json:"size"`
	Mode     int64             `json:"mode"`
	Uid      int               `json:"uid"`
	Gid      int               `json:"gid"`
	Seconds  int64             `json:"seconds"`
	Nanos    int               `json:"nanos"`
	Devmajor int64             `json:"devmajor"`
	Devminor int64             `json:"devminor"`
	Pax      map[string]string `json:"pax"`
	Sha256   string            `json:"sha256,omitempty"`
	Content  string            `json:"content,omitempty"`
}

type listing struct {
	Entries []entry `json:"entries"`
	Error   string  `json:"error,omitempty"`
}

func main() {
	if os.Args[1] == "write" {
		write()
		return
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, file := range os.Args[2:] {
		check(json.NewEncoder(out).Encode(list(file)))
	}
}

func list(file string) (result listing) {
	result.Entries = []entry{}
	in, err := os.Open(file)
	check(err)
	defer in.Close()
	// Without Seek, which skips content without noticing that it is missing.
	tr := tar.NewReader(struct{ io.Reader }{bufio.NewReader(in)})
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return result
		}
		if err != nil {
			result.Error = err.Error()
			return result
		}
		e := entry{
			Name: encode(h.Name), Linkname: encode(h.Linkname), Type: h.Typeflag, Size: h.Size, Mode: h.Mode,
			Uid: h.Uid, Gid: h.Gid, Seconds: h.ModTime.Unix(), Nanos: h.ModTime.Nanosecond(),
			Devmajor: h.Devmajor, Devminor: h.Devminor, Pax: map[string]string{},
		}
		for k, v := range h.PAXRecords {
			e.Pax[encode(k)] = encode(v)
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, tr); err != nil {
			result.Error = err.Error()
			result.Entries = append(result.Entries, e)
			return result
		}
		e.Sha256 = hex.EncodeToString(sum.Sum(nil))
		result.Entries = append(result.Entries, e)
	}
}

func write() {
	tw := tar.NewWriter(os.Stdout)
	in := json.NewDecoder(os.Stdin)
	for {
		var e entry
		err := in.Decode(&e)
		if errors.Is(err, io.EOF) {
			break
		}
		check(err)
		content := decode(e.Content)
		h := &tar.Header{
			Name: decode(e.Name), Linkname: decode(e.Linkname), Typeflag: e.Type, Size: int64(len(content)), Mode: e.Mode,
			Uid: e.Uid, Gid: e.Gid, ModTime: time.Unix(e.Seconds, int64(e.Nanos)),
			Devmajor: e.Devmajor, Devminor: e.Devminor,
			// As containerd and Docker do: ustar where it is enough.
			Format: tar.FormatPAX,
		}
		if len(e.Pax) > 0 {
			h.PAXRecords = map[string]string{}
			for k, v := range e.Pax {
				h.PAXRecords[decode(k)] = decode(v)
			}
		}
		check(tw.WriteHeader(h))
		_, err = io.WriteString(tw, content)
		check(err)
	}
	check(tw.Close())
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func decode(s string) string {
	b, err := base64.StdEncoding.DecodeString(s)
	check(err)
	return string(b)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
