// Google's client for Node, driven by one JSON object on stdin; what it got comes back as one JSON object on stdout.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { gmail, auth } = require("@googleapis/gmail");
const asked = JSON.parse(readFileSync(0, "utf-8"));

const signedIn = new auth.OAuth2({ clientId: asked.client_id, clientSecret: asked.client_secret, endpoints: { oauth2TokenUrl: asked.token_url } });
signedIn.setCredentials({ refresh_token: asked.refresh_token });
const service = gmail({ version: "v1", auth: signedIn, rootUrl: `${asked.url}/`, retry: false });
const me = { userId: "me" };

async function everyPage(list, parameters, field) {
  const found = [];
  let pageToken;
  do {
    const { data } = await list({ ...me, ...parameters, pageToken });
    found.push(...(data[field] ?? []));
    pageToken = data.nextPageToken;
  } while (pageToken);
  return found;
}

const profile = (await service.users.getProfile(me)).data;
const listed = await everyPage((query) => service.users.messages.list(query), { q: asked.q, maxResults: 2 }, "messages");
const raw = (await service.users.messages.get({ ...me, id: listed[0].id, format: "raw" })).data.raw;
const history = await everyPage((query) => service.users.history.list(query), { startHistoryId: asked.start_history_id, historyTypes: ["messageAdded"], maxResults: 2 }, "history");
const missing = await service.users.messages.get({ ...me, id: "0000000000000bad" }).catch((error) => error);
const expired = await service.users.history.list({ ...me, startHistoryId: "1" }).catch((error) => error);

process.stdout.write(JSON.stringify({
  email_address: profile.emailAddress,
  ids: listed.map((message) => message.id),
  raw,
  added: history.flatMap((entry) => entry.messagesAdded.map((added) => added.message.id)),
  missing: { status: missing.status ?? missing.code, message: missing.message },
  expired: { status: expired.status ?? expired.code, message: expired.message },
}));
