// A token server of other people's (npm oidc-provider) and a small API that asks it
// about each token, on one TLS port: node oauth_server.mjs
import fs from "node:fs";
import https from "node:https";
import { createRequire } from "node:module";
import path from "node:path";

// Beside the packages and not beside this file.
const require = createRequire(path.join(process.env.LIVE_PACKAGES, "package.json"));
const { default: Provider } = await import(require.resolve("oidc-provider"));

const port = Number(process.env.LIVE_PORT);
// Where people who signed in are sent back to; nobody signs in where there is none.
const redirect = process.env.LIVE_REDIRECT;
const gate = {
    client_id: "gate",
    client_secret: process.env.LIVE_SECRET,
    grant_types: ["authorization_code"],
    redirect_uris: [redirect],
    response_types: ["code"],
    scope: "openid groups",
};
const provider = new Provider(`https://127.0.0.1:${port}`, {
    clients: [...(redirect ? [gate] : []), {
        client_id: "tollgate",
        client_secret: process.env.LIVE_SECRET,
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        scope: "users:read",
    }],
    scopes: ["openid", "groups", "users:read"],
    claims: { openid: ["sub"], groups: ["groups"] },
    // Claims of a scope stand in the ID token, as with most providers.
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({
        accountId: id,
        claims: () => ({ sub: id, groups: id === "noor" ? [] : ["gate-office"] }),
    }),
    features: {
        clientCredentials: { enabled: true },
        // Its own pages for trying out: whoever types a name is that one.
        devInteractions: { enabled: Boolean(redirect) },
    },
});
provider.on("grant.success", (ctx) => console.log(`issued for ${ctx.oidc.params.scope}`));
provider.on("grant.error", (_, error) => console.log(`refused: ${error.error}`));

// Each token is withdrawn after two requests, long before its time.
const uses = new Map();

async function api(request, response) {
    const token = (request.headers.authorization || "").replace(/^Bearer /, "");
    const found = await provider.ClientCredentials.find(token);
    const used = (uses.get(token) || 0) + 1;
    uses.set(token, used);
    const isGood = found && found.scope === "users:read" && used <= 2;
    if (found && used > 2) await found.destroy();
    console.log(`api ${isGood ? 200 : 401}`);
    response.writeHead(isGood ? 200 : 401, { "content-type": "application/json" });
    const user = { id: "U0CAROL0001", name: "carol", deleted: false, is_bot: false };
    response.end(JSON.stringify(isGood ? { ok: true, user } : { ok: false, error: "invalid_auth" }));
}

const tls = { key: fs.readFileSync("key.pem"), cert: fs.readFileSync("cert.pem") };
const answer = provider.callback();
https.createServer(tls, (request, response) => {
    if (request.url.startsWith("/api/")) api(request, response);
    else answer(request, response);
}).listen(port, "127.0.0.1");
