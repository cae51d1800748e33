package version

import "testing"

func TestLine(t *testing.T) {
	if Line("x") == "" {
		t.Fatal("no line")
	}
}
