// Command ctl stands for the second program that many projects have.
package main

import (
	"fmt"

	"manyarch.test/project/version"
)

func main() { fmt.Println(version.Line("ctl")) }
