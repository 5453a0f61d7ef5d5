echo 'compiling main.src'
echo 'main.src:7: unexpected end of file' >&2
exit 3
