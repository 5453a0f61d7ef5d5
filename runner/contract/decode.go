package contract

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// decode puts a value of the document into one of Go's. What has the wrong type is a problem, and the rest is read on.
func (r *reader) decode(n *node, path string, to reflect.Value) {
	switch to.Kind() {
	case reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		r.decode(n, path, to.Elem())
	case reflect.Struct:
		r.object(n, path, to)
	case reflect.Map:
		r.table(n, path, to)
	case reflect.Slice:
		r.list(n, path, to)
	case reflect.String:
		if s, ok := n.value.(string); ok {
			to.SetString(s)
			return
		}
		r.wrong(n, path, "a string")
	case reflect.Bool:
		if b, ok := n.value.(bool); ok {
			to.SetBool(b)
			return
		}
		r.wrong(n, path, "true or false")
	default:
		r.number(n, path, to)
	}
}

func (r *reader) wrong(n *node, path, want string) {
	if n.value == nil {
		r.add(n.offset, path, "this must be %s, not null: a field that says nothing is left out", want)
		return
	}
	r.add(n.offset, path, "this must be %s, not %s", want, n.kind())
}

func (r *reader) object(n *node, path string, to reflect.Value) {
	if !n.is('{') {
		r.wrong(n, path, "an object")
		return
	}
	fields := map[string]int{}
	var names []string
	for i := range to.NumField() {
		name, _, _ := strings.Cut(to.Type().Field(i).Tag.Get("json"), ",")
		fields[name] = i
		names = append(names, name)
	}
	for _, m := range n.members {
		i, known := fields[m.name]
		switch {
		case known && m.value.value == "":
			r.add(m.value.offset, field(path, m.name), "this is empty: a field that says nothing is left out")
		case known:
			r.decode(m.value, field(path, m.name), to.Field(i))
		case !r.lenient:
			r.add(m.offset, field(path, m.name), "there is no such field; there are %s", strings.Join(names, ", "))
		}
	}
}

func (r *reader) table(n *node, path string, to reflect.Value) {
	if !n.is('{') {
		r.wrong(n, path, "an object")
		return
	}
	to.Set(reflect.MakeMap(to.Type()))
	for _, m := range n.members {
		v := reflect.New(to.Type().Elem()).Elem()
		r.decode(m.value, field(path, m.name), v)
		to.SetMapIndex(reflect.ValueOf(m.name), v)
	}
}

func (r *reader) list(n *node, path string, to reflect.Value) {
	if !n.is('[') {
		r.wrong(n, path, "a list")
		return
	}
	to.Set(reflect.MakeSlice(to.Type(), len(n.items), len(n.items)))
	for i, item := range n.items {
		r.decode(item, path+"["+strconv.Itoa(i)+"]", to.Index(i))
	}
}

// maxNumber is above every number that a job can mean, and below where numbers stop to be exact everywhere.
const maxNumber = 1 << 53

func (r *reader) number(n *node, path string, to reflect.Value) {
	text, ok := n.value.(json.Number)
	if !ok {
		r.wrong(n, path, "a number")
		return
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.Abs(f) > maxNumber {
		r.add(n.offset, path, "the number is too large")
		return
	}
	if to.CanFloat() {
		to.SetFloat(f)
		return
	}
	if f != math.Trunc(f) {
		r.add(n.offset, path, "this must be a whole number")
		return
	}
	to.SetInt(int64(f))
}
