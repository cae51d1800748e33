// Package version says which build this is.
package version

import (
	"fmt"
	"runtime"
)

// Version and Commit are set by the linker.
var (
	Version = "dev"
	Commit  = "none"
)

// Line is what `-version` prints.
func Line(name string) string {
	return fmt.Sprintf("%s %s %s %s/%s", name, Version, Commit, runtime.GOOS, runtime.GOARCH)
}
