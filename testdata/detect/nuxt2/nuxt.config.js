export default { target: 'static', build: {} }
