package images

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/distribution/reference"
)

// ErrReference is wrapped by every error of [Resolve]: what the user wrote
// names no image.
var ErrReference = errors.New("invalid image name")

// Ref is what an image name means.
type Ref struct {
	// Image is the reference to give to the engine, always with a tag, a
	// digest or an image ID. Short names stay short ("node:22"): which registry
	// they mean is the engine's to say.
	Image string
	// Recipe names the recipe of ours that Image is built from, or is empty.
	Recipe string
	// Local says that Image exists in the local engine or not at all: it must
	// never be pulled. It holds for recipes, whose names anybody could register
	// at a public registry, and for image IDs.
	Local bool
	// Notices are sentences for the user: surprising but no error.
	Notices []string
}

// serviceAliases are the names that Amplify gives its own images.
var serviceAliases = map[string]Ref{
	"amplify:al2023": {Recipe: "al2023"},
	"amplify:al2": {Recipe: "al2023", Notices: []string{
		"amplify:al2 (Amazon Linux 2) has no recipe any more: building in Amazon Linux 2023 in its place.",
	}},
}

var (
	imageID    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^sha256:[0-9a-f]{64}$`) })
	privateECR = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$`)
	})
	schemePrefix = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`) })
)

// Resolve says what an image name from --image or _CUSTOM_IMAGE means: the name
// of a recipe ("debian"; the official Debian image is "debian:12"), an image
// that preamp made ("preamp/debian:latest"), one of the service's aliases
// ("amplify:al2023", in any case), an image ID, or any Docker reference.
//
// An empty name is an error; [Default] decides what to use where nothing was
// asked for. Every error wraps [ErrReference].
func Resolve(name string) (Ref, error) {
	if r, ok := Lookup(name); ok {
		return Ref{Image: r.Tag, Recipe: r.Name, Local: true}, nil
	}
	if ref, ok := serviceAliases[strings.ToLower(name)]; ok {
		r, ok := Lookup(ref.Recipe)
		if !ok {
			return Ref{}, fmt.Errorf("image %q: recipe %q is missing: %w", name, ref.Recipe, ErrReference)
		}
		ref.Image, ref.Local = r.Tag, true
		ref.Notices = slices.Clone(ref.Notices) // the table's stays ours
		return ref, nil
	}
	if imageID().MatchString(name) {
		return Ref{Image: name, Local: true}, nil
	}
	if hint := misspelled(name); hint != "" {
		return Ref{}, fmt.Errorf("image %q: %w: %s", name, ErrReference, hint)
	}
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return Ref{}, fmt.Errorf("image %q: %w: %w; write it like \"node:22\" or \"registry.example.com/team/image:tag\"", name, ErrReference, err)
	}
	return fromReference(named), nil
}

// misspelled explains the mistakes for which the reference grammar has no good
// words. It returns "" for everything else.
func misspelled(name string) string {
	switch {
	case name == "":
		return "it is empty; name a recipe (" + recipeNames() + ") or a Docker image"
	case strings.TrimSpace(name) == "":
		return "it is only white space; name a recipe (" + recipeNames() + ") or a Docker image"
	case strings.TrimSpace(name) != name:
		return fmt.Sprintf("remove the white space around it: %q", strings.TrimSpace(name))
	case strings.ContainsAny(name, " \t\r\n"):
		return "it contains white space; name exactly one image"
	case schemePrefix().MatchString(name):
		return fmt.Sprintf("remove the scheme: %q", schemePrefix().ReplaceAllString(name, ""))
	case strings.EqualFold(repositoryPart(name), "amplify"):
		aliases := slices.Sorted(maps.Keys(serviceAliases))
		return "Amplify's images known here are " + strings.Join(aliases, " and ")
	}
	if repo := repositoryPart(name); repo != strings.ToLower(repo) {
		return fmt.Sprintf("the repository must be lower case: %q", strings.ToLower(repo)+name[len(repo):])
	}
	return ""
}

// repositoryPart cuts tag and digest off, which may hold upper case.
func repositoryPart(name string) string {
	repo, _, _ := strings.Cut(name, "@")
	if i := strings.LastIndexByte(repo, ':'); i > strings.LastIndexByte(repo, '/') {
		repo = repo[:i]
	}
	return repo
}

func fromReference(named reference.Named) Ref {
	ref := Ref{Image: reference.FamiliarString(reference.TagNameOnly(named))}
	for _, r := range Recipes() {
		if reference.FamiliarName(named) != repository+r.Name {
			continue
		}
		ref.Recipe, ref.Local = r.Name, true
		if ref.Image != r.Tag && ref.Image != r.Latest {
			ref.Recipe = "" // it can't be rebuilt from today's recipe
			ref.Notices = append(ref.Notices,
				fmt.Sprintf("%s was made from another version of the recipe %s; the present one is %s.", ref.Image, r.Name, r.Tag))
		}
		return ref
	}
	if reference.IsNameOnly(named) {
		ref.Notices = append(ref.Notices,
			fmt.Sprintf("%s names no tag, so it means %s, which can change between builds; name a tag or a digest.", reference.FamiliarName(named), ref.Image))
	}
	if privateECR().MatchString(reference.Domain(named)) {
		ref.Notices = append(ref.Notices,
			reference.FamiliarName(named)+" is in a private registry: preamp can use it, Amplify itself takes only public images.")
	}
	return ref
}

func recipeNames() string {
	var names []string
	for _, r := range Recipes() {
		names = append(names, r.Name)
	}
	return strings.Join(names, ", ")
}

// Host is what [Default] needs to know of the machine.
type Host struct {
	// OS is the operating system, as runtime.GOOS has it.
	OS string
	// LookPath finds a program, as exec.LookPath does. Nil finds none.
	LookPath func(name string) (string, error)
	// HasImage reports whether the local engine has an image of that
	// reference. Nil means that it has none.
	HasImage func(ref string) bool
}

// Default returns the recipe to build in where the user named no image, and one
// sentence that says why. It is "debian" where that image exists already or can
// be built, else "al2023".
func Default(h Host) (recipe Recipe, reason string) {
	all := Recipes()
	debian, al2023 := all[0], all[1]
	finds := func(name string) bool {
		if h.LookPath == nil {
			return false
		}
		_, err := h.LookPath(name)
		return err == nil
	}
	switch {
	case h.HasImage != nil && h.HasImage(debian.Tag):
		return debian, "the image " + debian.Tag + " is present"
	case h.OS != "linux":
		return al2023, "the debian recipe can only be built on Linux"
	case !finds("mmdebstrap"):
		return al2023, "the debian recipe needs mmdebstrap, which is not in PATH"
	case !finds("npm"):
		return al2023, "the debian recipe needs npm, which is not in PATH"
	}
	return debian, "mmdebstrap and npm are here, so it can be built without a registry"
}
