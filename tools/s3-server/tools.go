//go:build tools

// Package tools pins the S3 server of the tests so that `go build` makes it from the module proxy alone.
package tools

import _ "github.com/versity/versitygw/cmd/versitygw"
