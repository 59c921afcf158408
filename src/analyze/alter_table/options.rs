//! Subcommands that set something on the relation as a whole, and the lock that each subcommand
//! needs (`AlterTableGetLockLevel`, and the lock levels of the storage parameters in
//! `reloptions.c`).

use super::Alter;
use crate::analyze::AnalyzeError;
use crate::catalog::{Persistence, Relation, RelationKind, ReplicaIdentity};
use crate::lock::LockMode;
use crate::sql::QualifiedName;
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableType as At, ConstrType, RoleSpec, RoleSpecType};

/// Storage parameters whose change takes ACCESS EXCLUSIVE; all others take SHARE UPDATE EXCLUSIVE.
const STRONG_OPTIONS: [&str; 11] = [
    "autosummarize",
    "buffering",
    "check_option",
    "fastupdate",
    "gin_pending_list_limit",
    "oids",
    "pages_per_range",
    "security_barrier",
    "security_invoker",
    "user_catalog_table",
    "length",
];

/// The lock that `command` takes on the relation itself.
pub(super) fn lock_level(command: &AlterTableCmd) -> LockMode {
    use LockMode::{AccessExclusive, ShareRowExclusive, ShareUpdateExclusive};
    match command.subtype() {
        At::AtSetStatistics
        | At::AtSetOptions
        | At::AtResetOptions
        | At::AtClusterOn
        | At::AtDropCluster
        | At::AtValidateConstraint
        | At::AtAttachPartition
        | At::AtDetachPartitionFinalize => ShareUpdateExclusive,
        At::AtDetachPartition => match def(command) {
            Some(NodeEnum::PartitionCmd(detach)) if detach.concurrent => ShareUpdateExclusive,
            _ => AccessExclusive,
        },
        At::AtEnableTrig
        | At::AtEnableAlwaysTrig
        | At::AtEnableReplicaTrig
        | At::AtDisableTrig
        | At::AtEnableTrigAll
        | At::AtDisableTrigAll
        | At::AtEnableTrigUser
        | At::AtDisableTrigUser => ShareRowExclusive,
        At::AtAddConstraint => match def(command) {
            Some(NodeEnum::Constraint(c)) if c.contype() == ConstrType::ConstrForeign => {
                ShareRowExclusive
            }
            _ => AccessExclusive,
        },
        At::AtSetRelOptions | At::AtResetRelOptions => options_lock(command),
        _ => AccessExclusive,
    }
}

/// Whether the subcommand exists for relations of `kind` (`ATSimplePermissions`).
pub(super) fn is_permitted(subcommand: At, kind: RelationKind) -> bool {
    use RelationKind::{
        CompositeType, ForeignTable, MaterializedView, PartitionedTable, Sequence, Table, View,
    };
    let table = matches!(kind, Table | PartitionedTable);
    match subcommand {
        At::AtColumnDefault | At::AtAddIdentity | At::AtSetIdentity | At::AtDropIdentity => {
            table || matches!(kind, View | ForeignTable)
        }
        At::AtSetNotNull
        | At::AtDropNotNull
        | At::AtSetExpression
        | At::AtDropExpression
        | At::AtDropConstraint
        | At::AtValidateConstraint
        | At::AtDropOids
        | At::AtEnableTrig
        | At::AtEnableAlwaysTrig
        | At::AtEnableReplicaTrig
        | At::AtDisableTrig
        | At::AtEnableTrigAll
        | At::AtDisableTrigAll
        | At::AtEnableTrigUser
        | At::AtDisableTrigUser
        | At::AtAddInherit
        | At::AtDropInherit => table || kind == ForeignTable,
        At::AtDropColumn | At::AtAlterColumnType => {
            table || matches!(kind, ForeignTable | CompositeType)
        }
        At::AtSetStatistics | At::AtSetOptions | At::AtResetOptions | At::AtSetStorage => {
            table || matches!(kind, MaterializedView | ForeignTable)
        }
        At::AtSetCompression
        | At::AtClusterOn
        | At::AtDropCluster
        | At::AtSetAccessMethod
        | At::AtSetTableSpace
        | At::AtReplicaIdentity => table || kind == MaterializedView,
        At::AtSetLogged | At::AtSetUnLogged => table || kind == Sequence,
        At::AtSetRelOptions | At::AtResetRelOptions | At::AtReplaceRelOptions => {
            table || matches!(kind, View | MaterializedView)
        }
        At::AtEnableRule
        | At::AtEnableAlwaysRule
        | At::AtEnableReplicaRule
        | At::AtDisableRule
        | At::AtEnableRowSecurity
        | At::AtDisableRowSecurity
        | At::AtForceRowSecurity
        | At::AtNoForceRowSecurity
        | At::AtAlterConstraint
        | At::AtAddOf
        | At::AtDropOf => table,
        At::AtGenericOptions | At::AtAlterColumnGenericOptions => kind == ForeignTable,
        // The rest is looked at where it is gone through.
        _ => true,
    }
}

/// The strongest lock that the named storage parameters need.
pub(super) fn options_lock(command: &AlterTableCmd) -> LockMode {
    let Some(NodeEnum::List(options)) = def(command) else { return LockMode::AccessExclusive };
    let strong = options.items.iter().any(|option| {
        matches!(&option.node, Some(NodeEnum::DefElem(option))
            if STRONG_OPTIONS.contains(&option.defname.as_str()))
    });
    if strong { LockMode::AccessExclusive } else { LockMode::ShareUpdateExclusive }
}

impl<'s> Alter<'s, '_, '_> {
    pub(super) fn option(&mut self, command: &'s AlterTableCmd) -> Result<(), AnalyzeError> {
        match command.subtype() {
            At::AtSetRelOptions | At::AtResetRelOptions | At::AtReplaceRelOptions => {
                self.storage_parameters(command)
            }
            At::AtClusterOn => self.cluster_on(command),
            At::AtReplicaIdentity => self.replica_identity(command),
            At::AtSetLogged => self.persistence(Persistence::Permanent),
            At::AtSetUnLogged => self.persistence(Persistence::Unlogged),
            At::AtSetAccessMethod => self.access_method(&command.name),
            At::AtSetTableSpace => {
                if moves_to(&command.name, self.relation.tablespace.as_deref()) {
                    self.fx.copy_file(self.relation);
                }
                Ok(())
            }
            At::AtChangeOwner => {
                self.owner(command.newowner.as_ref());
                Ok(())
            }
            At::AtEnableTrig
            | At::AtEnableAlwaysTrig
            | At::AtEnableReplicaTrig
            | At::AtDisableTrig
            | At::AtEnableTrigAll
            | At::AtDisableTrigAll
            | At::AtEnableTrigUser
            | At::AtDisableTrigUser => self.triggers(command),
            At::AtEnableRule
            | At::AtEnableAlwaysRule
            | At::AtEnableReplicaRule
            | At::AtDisableRule => {
                let rules = &self.relation.rules;
                if rules.contains(&command.name) {
                    return Ok(());
                }
                let close: Vec<&str> = rules.iter().map(String::as_str).collect();
                Err(self.cx.no_such("rule", &command.name, &close))
            }
            At::AtDropCluster
            | At::AtDropOids
            | At::AtEnableRowSecurity
            | At::AtDisableRowSecurity
            | At::AtForceRowSecurity
            | At::AtNoForceRowSecurity
            | At::AtAddOf
            | At::AtDropOf
            | At::AtGenericOptions
            | At::AtAlterColumnGenericOptions => Ok(()),
            _ => {
                self.fx.unknown();
                Ok(())
            }
        }
    }

    fn storage_parameters(&mut self, command: &AlterTableCmd) -> Result<(), AnalyzeError> {
        if self.relation.kind == RelationKind::PartitionedTable
            && command.subtype() == At::AtSetRelOptions
            && sets_own_option(command)
        {
            let message = "cannot specify storage parameters for a partitioned table";
            return Err(self.cx.invalid(message, &self.relation.name.name));
        }
        Ok(())
    }

    fn cluster_on(&mut self, command: &AlterTableCmd) -> Result<(), AnalyzeError> {
        let index = self.cx.index_of(self.relation, &command.name)?;
        if self.relation.kind == RelationKind::PartitionedTable {
            let message = "cannot mark index clustered in partitioned table";
            return Err(self.cx.invalid(message, &command.name));
        }
        self.fx.lock_index(self.relation, index, LockMode::ShareUpdateExclusive);
        Ok(())
    }

    fn replica_identity(&mut self, command: &AlterTableCmd) -> Result<(), AnalyzeError> {
        let Some(NodeEnum::ReplicaIdentityStmt(identity)) = def(command) else { return Ok(()) };
        if identity.name.is_empty() {
            return Ok(());
        }
        let index = self.cx.index_of(self.relation, &identity.name)?;
        self.fx.lock_index(self.relation, index, LockMode::Share);
        let unchanged = ReplicaIdentity::Index(identity.name.clone());
        let nullable = index.keys.iter().any(|key| match key {
            Some(key) => !self.relation.is_not_null(key),
            None => true,
        });
        if self.relation.replica_identity != unchanged && (!index.unique || nullable) {
            let message = format!(
                "index \"{}\" cannot be used as replica identity: it is not unique over NOT NULL \
                 columns",
                identity.name
            );
            return Err(self.cx.invalid(message, &identity.name));
        }
        Ok(())
    }

    /// `SET LOGGED` and `SET UNLOGGED` write the table anew, with its indexes and, since 15, its
    /// sequences.
    fn persistence(&mut self, wanted: Persistence) -> Result<(), AnalyzeError> {
        let partitioned = self.relation.kind == RelationKind::PartitionedTable;
        if partitioned && self.cx.catalog.server.major() >= 18 {
            return Err(self.unsupported("SET LOGGED or UNLOGGED"));
        }
        if self.relation.kind == RelationKind::Sequence && self.cx.catalog.server.major() < 15 {
            return Err(self.unsupported("SET LOGGED or UNLOGGED"));
        }
        if self.relation.persistence == wanted {
            return Ok(());
        }
        if self.relation.kind != RelationKind::Table {
            self.fx.replace_file(self.relation);
            return Ok(());
        }
        let catalog = self.cx.catalog;
        let name = &self.relation.name;
        let partners: Vec<&Relation> = match wanted {
            Persistence::Permanent => self
                .relation
                .constraints
                .iter()
                .filter_map(|constraint| constraint.references.as_ref())
                .filter(|other| *other != name)
                .filter_map(|other| catalog.relation(other))
                .collect(),
            Persistence::Unlogged | Persistence::Temporary => catalog
                .incoming_foreign_keys(name)
                .map(|(other, _)| other)
                .filter(|other| other.name != *name)
                .collect(),
        };
        for partner in partners {
            if partner.persistence != wanted {
                let message = format!(
                    "could not change table \"{}\" because a foreign key connects it with \"{}\"",
                    name.name, partner.name.name
                );
                return Err(self.cx.invalid(message, &name.name));
            }
            self.fx.lock(partner, LockMode::AccessShare);
        }
        self.rewrite(self.relation);
        if catalog.server.major() >= 15 {
            for sequence in super::columns::owned_sequences(catalog, self.relation, None) {
                self.fx.lock(sequence, LockMode::AccessExclusive);
                self.fx.replace_file(sequence);
            }
        }
        Ok(())
    }

    fn access_method(&mut self, name: &str) -> Result<(), AnalyzeError> {
        self.needs(15, "SET ACCESS METHOD", "access")?;
        let catalog = self.cx.catalog;
        if self.relation.kind == RelationKind::PartitionedTable {
            if catalog.server.major() < 17 {
                let message = "cannot change access method of a partitioned table";
                return Err(self.cx.invalid(message, &self.relation.name.name));
            }
            return Ok(());
        }
        let standard = catalog.server.settings.get("default_table_access_method");
        let wanted = if name.is_empty() { standard.map_or("heap", String::as_str) } else { name };
        if self.relation.access_method.as_deref() != Some(wanted) {
            self.rewrite(self.relation);
        }
        Ok(())
    }

    /// Indexes and owned sequences change hands with their table.
    fn owner(&mut self, new: Option<&RoleSpec>) {
        if new.is_some_and(|new| self.is_owner(new)) {
            return;
        }
        self.fx.lock_indexes(self.relation, LockMode::AccessExclusive);
        for sequence in super::columns::owned_sequences(self.cx.catalog, self.relation, None) {
            self.fx.lock(sequence, LockMode::AccessExclusive);
        }
    }

    fn is_owner(&self, role: &RoleSpec) -> bool {
        match role.roletype() {
            RoleSpecType::RolespecCstring => self.relation.owner == role.rolename,
            RoleSpecType::RolespecCurrentUser
            | RoleSpecType::RolespecCurrentRole
            | RoleSpecType::RolespecSessionUser => {
                self.relation.owner == self.cx.catalog.server.role.name
            }
            RoleSpecType::RolespecPublic | RoleSpecType::Undefined => false,
        }
    }

    /// The copies of a row trigger on partitions are switched with it.
    fn triggers(&mut self, command: &AlterTableCmd) -> Result<(), AnalyzeError> {
        let all = match command.subtype() {
            At::AtEnableTrigAll | At::AtDisableTrigAll => true,
            At::AtEnableTrigUser | At::AtDisableTrigUser => false,
            _ => {
                let triggers = &self.relation.triggers;
                let Some(trigger) = triggers.iter().find(|t| t.name == command.name) else {
                    let close: Vec<&str> = triggers.iter().map(|t| t.name.as_str()).collect();
                    return Err(self.cx.no_such("trigger", &command.name, &close));
                };
                if trigger.row && !self.only {
                    self.lock_partitions();
                }
                return Ok(());
            }
        };
        let name: &QualifiedName = &self.relation.name;
        let row_triggers = self.relation.triggers.iter().any(|trigger| trigger.row)
            || (all
                && (self.relation.constraints.iter().any(|c| c.references.is_some())
                    || self.cx.catalog.incoming_foreign_keys(name).next().is_some()));
        if row_triggers && !self.only {
            self.lock_partitions();
        }
        Ok(())
    }

    fn lock_partitions(&mut self) {
        if self.relation.kind == RelationKind::PartitionedTable {
            self.lock_family();
        }
    }
}

/// Whether one of the parameters is the table's own and not its TOAST table's.
fn sets_own_option(command: &AlterTableCmd) -> bool {
    let Some(NodeEnum::List(options)) = def(command) else { return true };
    options.items.iter().any(|option| {
        matches!(&option.node, Some(NodeEnum::DefElem(option)) if option.defnamespace != "toast")
    })
}

/// Whether `SET TABLESPACE` to `new` moves what lies in `old`, `None` being the database's own.
pub(super) fn moves_to(new: &str, old: Option<&str>) -> bool {
    old.unwrap_or("pg_default") != new
}

fn def(command: &AlterTableCmd) -> Option<&NodeEnum> {
    command.def.as_ref().and_then(|def| def.node.as_ref())
}
