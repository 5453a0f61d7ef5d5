// Package layers keeps caches of one machine as trees that builds mount instead of unpacking them.
//
// A build's workspace is an overlay: the checkout, below it the layers of the cache, above all a folder that gets what the
// build changes. To restore is to choose the layers; to save is to go through what changed, and to make a layer of it by a
// rename. Neither costs more when the cache is large.
//
// # Layers and generations
//
// A layer is a folder that never changes again, in the form in which overlays keep what differs from the layers below: a
// removed name is a character device 0:0, a folder that hides those below it has the attribute trusted.overlay.opaque. A
// generation is a list of layers, the topmost first, which together are what one build left for one key. Of each key there
// is one, the newest. A build that changes no cached file makes none.
//
// The checkout lies above the layers, so a layer hides nothing but what is in layers below it, and no cache can alter a file
// of the checkout. The service lets caches replace tracked files. Who relies on that, or is to see it, has to have it: where
// cache paths name files of the checkout (Conflict tells), layers are of no use and a [cache.Store] does the work.
//
// # What can be relied on
//
// What package cache says of an entry holds for a generation as well: which files belong to it, that .git, special files and
// special permissions do not, that it is seen only when complete, that a damaged one is a miss with a reason. Files that
// were hard links of each other may come back as such.
//
// A generation is seen by the renaming of one small file, its manifest. Its layers need not be on the disk by then, since
// waiting for that may take longer than the build. The manifest names the boot in which it was written: after a restart of
// the machine it counts only if Tidy has found the time to write everything out and to note that.
//
// A build has a lease of what it mounts: a file that names the layers, locked as long as its process lives. What has a lease
// is never removed, not even when its holder was killed, until somebody has made sure (see Store.Abandoned) that nothing has it
// mounted any more.
//
// # Trash
//
// What is to be removed is renamed into a folder of the store: also by its users, who have workspaces to remove (Discard).
// Small trees are removed from there soon, large ones when no build follows (Sweep) or somebody says so (Empty).
package layers
