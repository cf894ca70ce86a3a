// A process that locks by redsync: see ../peer.ts for what it can be asked.
//
//	redsync <host> <port>
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
)

type ask struct {
	ID    int    `json:"id"`
	Op    string `json:"op"`
	Name  string `json:"name"`
	Ms    int    `json:"ms"`
	Times int    `json:"times"`
	Tag   string `json:"tag"`
}

type reply struct {
	ID     int    `json:"id"`
	Result any    `json:"result,omitempty"`
	Error  string `json:"error,omitempty"`
}

var (
	ctx    = context.Background()
	client *redis.Client
	locks  *redsync.Redsync
	held   = map[string]*redsync.Mutex{}
)

func mutex(name string, ms, tries int) *redsync.Mutex {
	return locks.NewMutex(name,
		redsync.WithExpiry(time.Duration(ms)*time.Millisecond),
		redsync.WithTries(tries),
		redsync.WithRetryDelay(20*time.Millisecond))
}

// refused says whether the library's answer was no. Anything else is trouble.
func refused(err error) bool {
	var taken *redsync.ErrTaken
	return errors.Is(err, redsync.ErrFailed) || errors.Is(err, redsync.ErrLockAlreadyExpired) ||
		errors.Is(err, redsync.ErrExtendFailed) || errors.As(err, &taken)
}

func did(ok bool, err error) (any, error) {
	if err != nil && !refused(err) {
		return nil, err
	}
	return ok && err == nil, nil
}

// work counts under the lock, in a way that only exclusion makes right.
func work(a ask) (any, error) {
	for i := 0; i < a.Times; i++ {
		one := mutex(a.Name, 60_000, 1_000_000)
		if err := one.Lock(); err != nil {
			return nil, err
		}
		before, err := client.Get(ctx, "counter").Int()
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, err
		}
		if err := client.RPush(ctx, "order", a.Tag).Err(); err != nil {
			return nil, err
		}
		time.Sleep(time.Millisecond)
		if err := client.Set(ctx, "counter", before+1, 0).Err(); err != nil {
			return nil, err
		}
		if _, err := one.Unlock(); err != nil {
			return nil, err
		}
	}
	return a.Times, nil
}

func do(a ask) (any, error) {
	switch a.Op {
	case "hello":
		return true, nil
	case "take":
		one := mutex(a.Name, a.Ms, 1)
		err := one.TryLock()
		if err == nil {
			held[a.Name] = one
		}
		return did(err == nil, err)
	case "release":
		return did(held[a.Name].Unlock())
	case "extend":
		return did(held[a.Name].Extend())
	case "work":
		return work(a)
	}
	return nil, fmt.Errorf("unknown op %s", a.Op)
}

func main() {
	client = redis.NewClient(&redis.Options{Addr: os.Args[1] + ":" + os.Args[2]})
	locks = redsync.New(goredis.NewPool(client))
	lines := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var a ask
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			panic(err)
		}
		r := reply{ID: a.ID}
		result, err := do(a)
		if err != nil {
			r.Error = err.Error()
		} else {
			r.Result = result
		}
		if err := out.Encode(r); err != nil {
			panic(err)
		}
	}
}
