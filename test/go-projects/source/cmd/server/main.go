// Command server stands for the main program of a project: it says who it is and what it finds.
package main

import (
	"fmt"
	"os"
	"strings"

	"manyarch.test/project/version"
)

func main() {
	fmt.Println(version.Line("server"))
	fmt.Println(strings.Join(os.Args[1:], " "))
}
