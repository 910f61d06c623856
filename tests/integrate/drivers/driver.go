// Asks the Go snippet what the tests ask: one line in, one line of JSON out.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"

	"example.org/app/tgauth"
)

func main() {
	secret := ""
	if len(os.Args) > 3 {
		secret = os.Args[3]
	}
	client, err := tgauth.New(context.Background(), os.Args[1], os.Args[2], secret)
	if err != nil {
		panic(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		question, argument, _ := strings.Cut(lines.Text(), " ")
		answer := map[string]any{}
		if question == "callback" {
			request, err := http.NewRequest(http.MethodGet, "/callback?"+argument, nil)
			if err != nil {
				panic(err)
			}
			login, err := client.Callback(request)
			if err == nil {
				answer["claims"], answer["name"] = login.Claims, login.User.Name
				answer["token"] = login.AccessToken
			} else {
				answer["refused"] = refusal(err)
			}
		} else if question == "alive" {
			alive, err := client.IsAlive(context.Background(), argument)
			if err == nil {
				answer["alive"] = alive
			} else {
				answer["refused"] = refusal(err)
			}
		} else if claims, err := client.Verify(argument); err == nil {
			answer["claims"] = claims
		} else {
			answer["refused"] = refusal(err)
		}
		if err := answers.Encode(answer); err != nil {
			panic(err)
		}
	}
}

func refusal(err error) string {
	if !errors.Is(err, tgauth.ErrLoginFailed) {
		panic(err)
	}
	return err.Error()
}
