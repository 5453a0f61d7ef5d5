package buildspec_test

import (
	"fmt"
	"strconv"

	"gopkg.in/yaml.v3"
)

// toJSON reads YAML as an editor does: aliases followed, merge keys applied, and scalars by YAML's core schema, in which
// a date is text.
func toJSON(src []byte) (any, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return fromNode(doc.Content[0])
}

func fromNode(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.AliasNode:
		return fromNode(n.Alias)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			value, err := fromNode(item)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case yaml.MappingNode:
		return fromMapping(n)
	case yaml.ScalarNode:
		return fromScalar(n)
	default:
		return nil, fmt.Errorf("line %d: unexpected node", n.Line)
	}
}

func fromMapping(n *yaml.Node) (any, error) {
	m, merged := map[string]any{}, map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		value, err := fromNode(n.Content[i+1])
		if err != nil {
			return nil, err
		}
		if n.Content[i].ShortTag() != "!!merge" {
			m[n.Content[i].Value] = value
			continue
		}
		sources, isList := value.([]any)
		if !isList {
			sources = []any{value}
		}
		for _, source := range sources {
			fields, ok := source.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("line %d: cannot merge %v", n.Line, source)
			}
			addMissing(merged, fields)
		}
	}
	addMissing(m, merged)
	return m, nil
}

func addMissing(to, from map[string]any) {
	for key, value := range from {
		if _, ok := to[key]; !ok {
			to[key] = value
		}
	}
}

func fromScalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		return strconv.ParseBool(n.Value)
	case "!!int", "!!float":
		var value any
		if err := n.Decode(&value); err != nil {
			return nil, err
		}
		return value, nil
	default:
		return n.Value, nil
	}
}
