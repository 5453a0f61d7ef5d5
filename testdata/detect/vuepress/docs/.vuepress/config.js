module.exports = { title: 'Docs' }
