import adapter from '@sveltejs/adapter-static';
export default { kit: { adapter: adapter({ pages: 'public_html', fallback: 'index.html' }) } };
