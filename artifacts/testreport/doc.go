// Package testreport reads what the tests of a build reported: the JSON of mochawesome, which the service knows, and JUnit's XML,
// which nearly every other tool writes.
//
// The reports were written by untrusted code, and they can be large: screenshots are embedded in them. So they are
// streamed. Long texts are cut off before a parser sees them, and what is kept has a bound.
//
// # What counts
//
// A run of tests often leaves several reports of the same results. They are counted once:
//
//   - The files that configFilePath names come first. When they say anything, no other file is looked for.
//   - Otherwise the files named mochawesome*.json are read, and only if there is none, those with names that are usual for JUnit.
//   - Where both forms are found by one of these steps, mochawesome's counts.
//   - A suite that is in two files, as when reports were merged and the parts were left, counts once. Mochawesome gives its suites ids; in
//     JUnit, two suites are the same when all their attributes, and the names, times and outcomes of their tests are.
//
// Files in node_modules and files that are older than the run are not reports of it.
//
// What a report says about the sum is not believed: the tests are counted. A hook that failed counts as a failed test.
package testreport
