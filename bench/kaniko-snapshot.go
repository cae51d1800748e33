// Takes kaniko's full snapshots of a directory: what it does before the first RUN of a stage, and after each.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/GoogleContainerTools/kaniko/pkg/config"
	"github.com/GoogleContainerTools/kaniko/pkg/snapshot"
	"github.com/GoogleContainerTools/kaniko/pkg/util"
	"github.com/sirupsen/logrus"
)

func main() {
	config.RootDir, config.KanikoDir = os.Args[1], os.Args[2]
	logrus.SetLevel(logrus.WarnLevel)
	snapshotter := snapshot.NewSnapshotter(snapshot.NewLayeredMap(util.Hasher()), os.Args[1])
	begin := time.Now()
	if err := snapshotter.Init(); err != nil {
		panic(err)
	}
	middle := time.Now()
	if _, err := snapshotter.TakeSnapshotFS(); err != nil {
		panic(err)
	}
	fmt.Println(middle.Sub(begin).Seconds(), time.Since(middle).Seconds())
}
