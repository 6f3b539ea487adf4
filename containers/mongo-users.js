// Creates or updates the users of the store; run in its container by containers/secrets.sh. Each service has only the
// permissions that it needs; the root user is for the server itself.
const { readFileSync } = require("fs");
const secret = (name) => readFileSync(`/run/secrets/${name}`, "utf8");
const database = process.env.MONGO_INITDB_DATABASE;
const admin = db.getSiblingDB("admin");
admin.auth(secret("MONGO_USERNAME"), secret("MONGO_PASSWORD"));

// Entries of the ledger are added, and never changed; the flows delete old ones of routine kinds, if they are told to.
const ledger = { resource: { db: database, collection: "ledger" }, actions: ["insert", "createIndex"] };

// The flows read predictions, write the report's row, and enter what they did into the ledger; `make labels` attaches
// labels to predictions, and `make score store=1` stores some. Retention removes what is old.
const flows = {
  roles: [{ role: "read", db: database }],
  privileges: [
    { resource: { db: database, collection: "data" }, actions: ["insert", "update", "remove", "createIndex"] },
    { resource: { db: database, collection: "report" }, actions: ["insert", "update"] },
    { resource: { db: database, collection: "labels" }, actions: ["insert", "remove", "createIndex"] },
    { resource: { db: database, collection: "labels_waiting" }, actions: ["insert", "remove", "createIndex"] },
    { resource: { db: database, collection: "business_keys" }, actions: ["insert", "update", "remove"] },
    { resource: { db: database, collection: "shadow" }, actions: ["insert", "remove", "createIndex"] },
    { resource: ledger.resource, actions: [...ledger.actions, "remove"] },
  ],
};
if (admin.getRole("flows")) admin.updateRole("flows", flows);
else admin.createRole({ role: "flows", ...flows });

// The monitor reads predictions and their labels, keeps its alarms' blocks, and enters its alarms into the ledger.
const kept = (collection) => ({ resource: { db: database, collection }, actions: ["insert", "update"] });
const monitor = {
  roles: [{ role: "read", db: database }],
  privileges: [kept("blocks"), kept("loss_blocks"), ledger],
};
if (admin.getRole("monitor")) admin.updateRole("monitor", monitor);
else admin.createRole({ role: "monitor", ...monitor });

// The shadow reads predictions and labels, keeps its scores and progress, and enters its decisions into the ledger.
const shadow = {
  roles: [{ role: "read", db: database }],
  privileges: [
    { resource: { db: database, collection: "shadow" }, actions: ["insert", "createIndex"] },
    { resource: { db: database, collection: "shadow_progress" }, actions: ["insert", "update"] },
    ledger,
  ],
};
if (admin.getRole("shadow")) admin.updateRole("shadow", shadow);
else admin.createRole({ role: "shadow", ...shadow });

const rolesByUser = {
  servers: [{ role: "readWrite", db: database }],
  flows: [{ role: "flows", db: "admin" }],
  monitor: [{ role: "monitor", db: "admin" }],
  shadow: [{ role: "shadow", db: "admin" }],
};
for (const [user, roles] of Object.entries(rolesByUser)) {
  const pwd = secret(`MONGO_PASSWORD_${user.toUpperCase()}`);
  if (admin.getUser(user)) admin.updateUser(user, { pwd, roles });
  else admin.createUser({ user, pwd, roles });
}
