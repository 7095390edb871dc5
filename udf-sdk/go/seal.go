//go:build !wasip1

package wasmill

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
)

const section = "wasmill.manifest"

// Main is for the program's own `main`. Run natively, with the path of the module that was built of the same source, it
// writes the manifest into it, since Go's linker cannot; without a path it prints the manifest.
func Main() {
	manifest, err := json.Marshal(describe())
	switch {
	case err != nil:
	case len(os.Args) < 2:
		_, err = fmt.Println(string(manifest))
	default:
		err = seal(os.Args[1], manifest)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

type manifestColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type manifest struct {
	ABI       int              `json:"abi"`
	SDK       string           `json:"sdk"`
	Functions []map[string]any `json:"functions"`
}

func describe() manifest {
	all := manifest{ABI: 1, SDK: "wasmill 0.1.0 go"}
	list := func(columns []column) []manifestColumn {
		list := []manifestColumn{}
		for _, column := range columns {
			list = append(list, manifestColumn{column.name, column.sql})
		}
		return list
	}
	for _, f := range functions {
		about := map[string]any{
			"kind": f.kind, "name": f.name, "input": list(f.inputs), "output": list(f.outputs),
		}
		switch f.kind {
		case "transform":
			about["origin"] = f.origin
		case "aggregate":
			about["state"] = list(f.state)
		case "group":
			about["state"], about["key"], about["time"] = list(f.state), list(f.key), f.time
		}
		all.Functions = append(all.Functions, about)
	}
	return all
}

// Writes the manifest behind the module's other sections, in the place of one that is there.
func seal(path string, manifest []byte) error {
	module, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(module, []byte("\x00asm\x01\x00\x00\x00")) {
		return fmt.Errorf("%s is not a WebAssembly module", path)
	}
	sealed := append([]byte{}, module[:8]...)
	for rest := module[8:]; len(rest) > 0; {
		size, width := binary.Uvarint(rest[1:])
		end := 1 + width + int(size)
		if width <= 0 || end > len(rest) {
			return fmt.Errorf("%s ends inside a section", path)
		}
		if body := rest[1+width : end]; rest[0] != 0 || !bytes.HasPrefix(body, name()) {
			sealed = append(sealed, rest[:end]...)
		}
		rest = rest[end:]
	}
	body := append(name(), manifest...)
	sealed = binary.AppendUvarint(append(sealed, 0), uint64(len(body)))
	return os.WriteFile(path, append(sealed, body...), 0o666)
}

func name() []byte {
	return append(binary.AppendUvarint(nil, uint64(len(section))), section...)
}
