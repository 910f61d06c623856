// Package tgauth logs people in with tgauth: a file to copy. It needs
//
//	go get github.com/golang-jwt/jwt/v5 github.com/MicahParks/keyfunc/v3
//
// Make one Client when the application starts (it keeps the issuer's keys), and in its callback:
//
//	// Where you began the login: compare `state` first, as docs/integrate.md shows.
//	login, err := client.Callback(r)
//	if err != nil {
//		http.Error(w, "Please send /login to the bot again.", http.StatusBadRequest)
//		return
//	}
//	sessions.Renew(w, r, login.Claims.Subject) // whoever was logged in before is not this person
//	sessions.Keep(r, login.AccessToken) // on the server: it is a secret
//	http.Redirect(w, r, "/", http.StatusSeeOther) // the code leaves the address bar
//
// Whoever logged out at tgauth is logged out here as well when you ask now and then, say once a
// minute for each person, and before anything that matters:
//
//	if alive, err := client.IsAlive(r.Context(), token); err == nil && !alive {
//		sessions.End(w, r)
//	}
package tgauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// leeway is how far the two machines' clocks may differ.
const leeway = 30 * time.Second

// largestAnswer is in bytes; tgauth's answers are under 4 kB.
const largestAnswer = 64 << 10

// ErrLoginFailed is wrapped by every error that means: nobody was logged in.
var ErrLoginFailed = errors.New("login failed")

// Claims are what a verified token says. Subject is the account's stable name.
type Claims struct {
	jwt.RegisteredClaims
	SessionID  string `json:"sid"`
	ClientID   string `json:"client_id"`
	TelegramID int64  `json:"telegram_id"`
}

// User is what to show of somebody.
type User struct {
	Subject    string `json:"sub"`
	TelegramID int64  `json:"telegram_id"`
	Name       string `json:"name"`
	Username   string `json:"username"`
}

// Login is who logged in. The access token is what IsAlive asks with: a secret, kept on the server.
type Login struct {
	Claims      *Claims
	User        User
	AccessToken string
}

// Client is one application at one tgauth.
type Client struct {
	issuer, clientID, clientSecret string
	keys                           keyfunc.Keyfunc
	http                           *http.Client
}

// New returns a client. Its keys are refreshed until ctx ends; clientSecret may be empty.
func New(ctx context.Context, issuer, clientID, clientSecret string) (*Client, error) {
	issuer = strings.TrimSuffix(issuer, "/")
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{issuer + "/.well-known/jwks.json"})
	if err != nil {
		return nil, fmt.Errorf("the keys of %s: %w", issuer, err)
	}
	client := &http.Client{Timeout: 10 * time.Second}
	return &Client{issuer, clientID, clientSecret, keys, client}, nil
}

// Callback logs in whoever arrives at the callback address with this request.
func (c *Client) Callback(r *http.Request) (*Login, error) {
	codes := r.URL.Query()["code"]
	if len(codes) != 1 {
		return nil, fmt.Errorf("%w: this login link is incomplete", ErrLoginFailed)
	}
	login, err := c.Exchange(r.Context(), codes[0])
	if err != nil {
		return nil, err
	}
	login.Claims, err = c.Verify(login.AccessToken)
	if err != nil {
		return nil, err
	}
	return login, nil
}

// Exchange turns a one-time code into a token, from server to server. Nothing is verified yet.
func (c *Client) Exchange(ctx context.Context, code string) (*Login, error) {
	fields := map[string]string{"code": code}
	if c.clientSecret != "" {
		fields["client_secret"] = c.clientSecret
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	url := c.issuer + "/api/auth/callback"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: the login service does not answer: %w", ErrLoginFailed, err)
	}
	defer answer.Body.Close()
	var found struct {
		AccessToken string `json:"access_token"`
		User        User   `json:"user"`
		Description string `json:"error_description"`
	}
	err = json.NewDecoder(io.LimitReader(answer.Body, largestAnswer)).Decode(&found)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: the login service does not answer: %w", ErrLoginFailed, err)
	case answer.StatusCode != http.StatusOK || found.AccessToken == "":
		return nil, fmt.Errorf("%w: %s", ErrLoginFailed, found.Description)
	}
	return &Login{User: found.User, AccessToken: found.AccessToken}, nil
}

// IsAlive says whether the session of a login still lives at tgauth. It does not once the person or the
// operator ended it, or the token's own time is over: then end yours, and let the person log in again.
// An error means that tgauth does not answer, so nobody knows: ask again later.
func (c *Client) IsAlive(ctx context.Context, accessToken string) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.issuer+"/api/auth/me", nil)
	if err != nil {
		return false, err
	}
	request.Header.Set("Authorization", "Bearer "+accessToken)
	answer, err := c.http.Do(request)
	if err != nil {
		return false, fmt.Errorf("%w: the login service does not answer: %w", ErrLoginFailed, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusUnauthorized {
		return false, nil
	}
	var found struct {
		User User `json:"user"`
	}
	err = json.NewDecoder(io.LimitReader(answer.Body, largestAnswer)).Decode(&found)
	switch {
	case err != nil:
		return false, fmt.Errorf("%w: the login service does not answer: %w", ErrLoginFailed, err)
	case answer.StatusCode != http.StatusOK || found.User.Subject == "":
		return false, fmt.Errorf("%w: the login service is in trouble", ErrLoginFailed)
	}
	return true, nil
}

// Verify returns the claims of a token that is genuine, current, and meant for this application.
func (c *Client) Verify(token string) (*Claims, error) {
	claims := &Claims{}
	parsed, err := jwt.ParseWithClaims(token, claims, c.keys.Keyfunc,
		jwt.WithValidMethods([]string{"ES256"}), // never what the token itself asks for
		jwt.WithIssuer(c.issuer),
		jwt.WithAudience(c.clientID),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(leeway),
	)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLoginFailed, err)
	}
	// RFC 9068 §4
	if typ, _ := parsed.Header["typ"].(string); !strings.EqualFold(typ, "at+jwt") {
		return nil, fmt.Errorf("%w: the token is no access token", ErrLoginFailed)
	}
	if claims.Subject == "" {
		return nil, fmt.Errorf("%w: the token names nobody", ErrLoginFailed)
	}
	return claims, nil
}
