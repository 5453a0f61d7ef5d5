//go:build !linux

package work

import (
	"context"
	"errors"
)

var errNoOverlays = errors.New("needs Linux, to compose workspaces of layers")

func compose(context.Context, Request) (Response, error)     { return Response{}, errNoOverlays }
func composeSave(context.Context, Request) (Response, error) { return Response{}, errNoOverlays }
func takeApart(context.Context, Request) (Response, error)   { return Response{}, errNoOverlays }
