// Package images knows which image a build runs in: what a user's image name
// means, which build images preamp brings itself and how each is made, and
// whether an image has what Amplify asks of one.
//
// preamp brings two recipes, because AWS withdrew its own build image. "debian"
// is assembled from the host's apt sources and from npm and needs no registry;
// "al2023" is a Dockerfile near to Amplify's default image.
//
// The package starts no container and talks to no engine: it hands a root file
// system, a build context or a probe script to its caller and judges what comes
// back.
package images

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	_ "embed" // the recipes' files
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Kind says how a recipe becomes an image.
type Kind int

const (
	// Rootfs recipes become an image by importing the tar that [BuildRootfs]
	// writes, with the recipe's [Recipe.Changes].
	Rootfs Kind = iota
	// Dockerfile recipes become an image by building [Recipe.Context].
	Dockerfile
)

// String returns "rootfs" or "dockerfile".
func (k Kind) String() string {
	if k == Dockerfile {
		return "dockerfile"
	}
	return "rootfs"
}

// Labels that every image made from a recipe carries.
const (
	// LabelRecipe holds the recipe's hash. An image whose label differs from
	// [Recipe.Hash] was built from an older recipe.
	LabelRecipe = "preamp.recipe"
	// LabelRecipeName holds the recipe's name.
	LabelRecipeName = "preamp.recipe.name"
)

// repository is the name before the tag of every image we make. Such images
// exist only in the local engine and are never pulled.
const repository = "preamp/"

// Recipe is one build image that preamp can make. Recipes are values; their
// methods are safe for concurrent use.
type Recipe struct {
	// Name is what a user writes, for example "debian".
	Name string
	// Summary is one sentence for a list of recipes.
	Summary string
	// Notes are further sentences: limits, and what was not verified.
	Notes []string
	// Kind says how the image is made.
	Kind Kind
	// Platforms are the platforms it can be made for ("linux/amd64"), the
	// preferred one first.
	Platforms []string
	// Hash identifies the recipe's content: 12 hexadecimal digits that change
	// when any of its files or its image configuration changes.
	Hash string
	// Tag is the reference of an image built from exactly this content,
	// "preamp/NAME:HASH". The tag does not tell platforms apart.
	Tag string
	// Latest is the stable second name of the newest image, "preamp/NAME:latest".
	Latest string

	files  []file
	config []string
}

// file is one embedded file of a recipe.
type file struct {
	name string
	mode int64
	body string
}

//go:embed compilecache.sh
var compileCache string

//go:embed debian/rootfs.sh
var debianScript string

//go:embed debian/deb822.awk
var debianDeb822 string

//go:embed debian/onelist.awk
var debianOnelist string

//go:embed debian/pins.tsv
var debianPins string

//go:embed debian/bashrc
var debianBashrc string

//go:embed debian/nvm.sh
var debianNvm string

//go:embed al2023/Dockerfile
var al2023Dockerfile string

//go:embed al2023/bashrc
var al2023Bashrc string

//go:embed al2023/default-packages
var al2023Packages string

// Recipes returns every recipe, the preferred one first.
func Recipes() []Recipe {
	return []Recipe{
		finish(Recipe{
			Name:    "debian",
			Summary: "Debian 12 with Node.js 22, npm, yarn and git; made from this host's apt sources, no registry needed",
			Notes: []string{
				"Node.js 18 and 20 are installed from npm at the first `nvm use`.",
				"It has apt-get where Amplify's image has yum, and no C++ compiler: run apt-get install g++ for native add-ons without prebuilt binaries.",
				"Needs mmdebstrap and npm on a Linux host.",
			},
			Kind:      Rootfs,
			Platforms: []string{"linux/amd64", "linux/arm64"},
			files: []file{
				{"rootfs.sh", 0o755, debianScript},
				{"deb822.awk", 0o644, debianDeb822},
				{"onelist.awk", 0o644, debianOnelist},
				{"pins.tsv", 0o644, debianPins},
				{"bashrc", 0o644, debianBashrc},
				{"nvm.sh", 0o644, debianNvm},
				{"compilecache.sh", 0o644, compileCache},
			},
			config: []string{
				"ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
				"ENV LANG=C.UTF-8",
				"ENV HOME=/root",
				"ENV NVM_DIR=/root/.nvm",
				"ENV VERSION_NODE_18=18.20.8",
				"ENV VERSION_NODE_20=20.20.2",
				"ENV VERSION_NODE_22=22.23.3",
				"ENV VERSION_NODE_DEFAULT=22.23.3",
				"WORKDIR /codebuild/output",
				`CMD ["bash"]`,
			},
		}),
		finish(Recipe{
			Name:    "al2023",
			Summary: "Amazon Linux 2023 with Node.js 18, 20 and 22, nvm, yarn, Ruby, Python, Hugo and the AWS CLI: near to Amplify's default image",
			Notes: []string{
				"AWS does not publish Amplify's image; this one follows what is publicly known of it.",
				"Its Dockerfile is checked by preamp's tests but not built by them: they cannot reach Amazon's registry.",
				"Needs access to Amazon's public registry, GitHub and nodejs.org while it builds.",
			},
			Kind:      Dockerfile,
			Platforms: []string{"linux/amd64"},
			files: []file{
				{"Dockerfile", 0o644, al2023Dockerfile},
				{"bashrc", 0o644, al2023Bashrc},
				{"default-packages", 0o644, al2023Packages},
				{"compilecache.sh", 0o644, compileCache},
			},
		}),
	}
}

// Lookup returns the recipe of that exact name.
func Lookup(name string) (Recipe, bool) {
	for _, r := range Recipes() {
		if r.Name == name {
			return r, true
		}
	}
	return Recipe{}, false
}

// finish fills what follows from the recipe's content.
func finish(r Recipe) Recipe {
	h := sha256.New()
	// Lengths keep (name, body) pairs from running into each other. Writes to
	// a hash never fail.
	for _, f := range r.files {
		_, _ = fmt.Fprintf(h, "%s %o %d\n%s", f.name, f.mode, len(f.body), f.body)
	}
	for _, c := range r.config {
		_, _ = fmt.Fprintf(h, "%d\n%s", len(c), c)
	}
	r.Hash = hex.EncodeToString(h.Sum(nil))[:12]
	r.Tag = repository + r.Name + ":" + r.Hash
	r.Latest = repository + r.Name + ":latest"
	return r
}

// Labels returns the labels an image of this recipe carries. The map is the
// caller's.
func (r Recipe) Labels() map[string]string {
	return map[string]string{
		LabelRecipe:                      r.Hash,
		LabelRecipeName:                  r.Name,
		"org.opencontainers.image.title": "preamp " + r.Name + " build image",
	}
}

// Changes returns the image's configuration as the Dockerfile instructions that
// an import takes (docker import --change). For a Dockerfile recipe only the
// labels are left to set; pass those as build labels.
func (r Recipe) Changes() []string {
	changes := slices.Clone(r.config)
	labels := r.Labels()
	keys := make([]string, 0, len(labels))
	for k := range labels {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		changes = append(changes, fmt.Sprintf("LABEL %s=%q", k, labels[k]))
	}
	return changes
}

// ErrKind is wrapped by the error of an operation that this kind of recipe
// does not have.
var ErrKind = errors.New("wrong kind of recipe")

// Context returns the build context of a Dockerfile recipe as an uncompressed
// tar, byte for byte the same at every call. Other recipes get [ErrKind].
func (r Recipe) Context() (io.Reader, error) {
	if r.Kind != Dockerfile {
		return nil, fmt.Errorf("build context of recipe %q: %w: it is a %s", r.Name, ErrKind, r.Kind)
	}
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, f := range r.files {
		hdr := &tar.Header{
			Typeflag: tar.TypeReg,
			Name:     f.name,
			Mode:     f.mode,
			Size:     int64(len(f.body)),
			// A fixed time keeps the builder's cache valid between runs.
			ModTime: time.Unix(0, 0).UTC(),
			Format:  tar.FormatUSTAR,
		}
		if err := tw.WriteHeader(hdr); err != nil {
			return nil, fmt.Errorf("build context of recipe %q: %s: %w", r.Name, f.name, err)
		}
		if _, err := io.Copy(tw, strings.NewReader(f.body)); err != nil {
			return nil, fmt.Errorf("build context of recipe %q: %s: %w", r.Name, f.name, err)
		}
	}
	if err := tw.Close(); err != nil {
		return nil, fmt.Errorf("build context of recipe %q: %w", r.Name, err)
	}
	return &buf, nil
}
