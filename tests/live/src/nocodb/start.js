// Starts NocoDB inside of a server that listens on loopback only.
const http = require("http");
const express = require("express");
const { Noco } = require("nocodb");

const app = express();
const server = http.createServer(app);
server.listen(Number(process.env.PORT), "127.0.0.1", async () => {
    app.use(await Noco.init({}, server, app));
});
