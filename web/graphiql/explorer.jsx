// GraphiQL at the API of this server, with an API key that this tab alone keeps, or with the session's cookie.
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import './explorer.css';
import { setNonce } from 'get-nonce';
import { createRoot } from 'react-dom/client';

const KEPT = 'drumbeat.api_key';
const HELLO = `# Drumbeat: every query and every mutation, with its description, is in the pane on the left.
# Paste an API key above; it stays in this tab and is gone with it. Who is logged in needs none.

{
  viewer { name workspace { name } }
}
`;

// What is styled while the page is used: the policy lets in only what has the nonce of this page.
setNonce(document.querySelector('meta[name="style-nonce"]').content);

async function ask(request, { headers = {} } = {}) {
  const key = sessionStorage.getItem(KEPT);
  const answer = await fetch('graphql', {
    method: 'POST',
    credentials: 'same-origin',
    headers: {
      accept: 'application/graphql-response+json',
      'content-type': 'application/json',
      ...(key ? { authorization: `Bearer ${key}` } : {}),
      ...headers,
    },
    body: JSON.stringify(request),
  });
  return answer.json();
}

const root = createRoot(document.getElementById('explorer'));
let opened = 0;

// Anew for each key: what it may see is asked for again.
function open() {
  root.render(<GraphiQL key={(opened += 1)} fetcher={ask} defaultQuery={HELLO} shouldPersistHeaders={false} />);
}

const form = document.forms.key;
form.addEventListener('submit', (event) => {
  event.preventDefault();
  const key = form.elements.key.value.trim();
  if (key) sessionStorage.setItem(KEPT, key);
  else sessionStorage.removeItem(KEPT);
  form.reset();
  show();
  open();
});

function show() {
  form.elements.key.placeholder = sessionStorage.getItem(KEPT) ? 'A key is in use; empty forgets it' : 'db_…';
}

show();
open();
