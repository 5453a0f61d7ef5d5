// Package buildspec reads an Amplify Hosting build specification (amplify.yml) into a [Spec] whose every field knows
// where in the file it stands, and explains what is wrong with a file that cannot be used.
//
// The service reads its specification with js-yaml and then looks only at the keys it needs, so it takes many files
// that a strict decoder would refuse (a phase written as a list, a single command without its dash) and refuses some
// that most YAML libraries take (a key written twice, a second document). This package follows the service: what it
// accepts is accepted here, with a warning where the form is not the documented one, and what it rejects is rejected
// here, with all problems of the file in one pass and the service's own message beside ours where it is known.
//
// [Check] does more: it applies rules to what was read, about what goes wrong in practice although the file is right.
// Each rule is described in [Rules]; catalog_*.go are their tables, rules_*.go the rules. Commands are read as shell and
// followed as the one session that they are run in. Rules that need to know the repository look into it, or are silent;
// none guesses. What can be repaired mechanically carries a [Fix], and [ApplyFixes] makes it without touching anything
// else.
//
// The way of a file is: bytes → source (encoding, positions) → YAML nodes → tree (aliases, merge keys, duplicate keys,
// limits) → Spec. The file is untrusted: its size, its nesting and the expansion of its aliases are limited, so that
// parsing takes bounded time and memory, and [Parse] never panics.
//
// Nothing in this package keeps state; all functions may be called concurrently. The YAML library is used only in
// here, as is that for shell syntax, and no type of theirs appears in the exported API.
package buildspec
