/*
 * The floor for bench/: an event trigger at ddl_command_end that does only what the contract cannot do without. It asks
 * PostgreSQL for the object's type and identity, takes an id from the sequence, and writes a row of 14 columns with a
 * message of 400 bytes and its index entry (bench/floor.sql has the table).
 *
 * No row for a command that has touched nothing or only temporary objects. A DROP has no object at ddl_command_end: its
 * row is without. ddl_text is the first 60 bytes of the client's string: where in it the statement lies is known to a
 * utility hook only, and the whole would grow with the string. What a session has found once, it keeps (the table's, the
 * database's name): it is a yardstick, no capture.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "commands/dbcommands.h"
#include "commands/event_trigger.h"
#include "commands/sequence.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(floor_trigger);

#define MESSAGE_BYTES 400
#define TEXT_BYTES 60

static Oid	table_id,
			index_id,
			sequence_id;
static Datum database,
			message;
static TupleDesc row_type;

static void
find_all(void)
{
	MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
	char		filler[MESSAGE_BYTES + 1];

	memset(filler, 'x', MESSAGE_BYTES);
	filler[MESSAGE_BYTES] = '\0';
	message = CStringGetTextDatum(filler);
	database = CStringGetTextDatum(get_database_name(MyDatabaseId));
	index_id = get_relname_relid("dts_ddl_command_pkey", PG_PUBLIC_NAMESPACE);
	sequence_id = get_relname_relid("dts_ddl_command_id_seq", PG_PUBLIC_NAMESPACE);
	table_id = get_relname_relid("dts_ddl_command", PG_PUBLIC_NAMESPACE);
	MemoryContextSwitchTo(before);
}

/*
 * The type and identity of the first object of the command; false when there is none that is not temporary. A row type that
 * is known spares the function the look-up of its own, if it is called by the name of one that returns any record.
 */
static bool
object_of_command(Datum *type, Datum *identity, bool *no_type, bool *no_identity)
{
	LOCAL_FCINFO(fcinfo, 0);
	FmgrInfo	function = {0};
	ExprContext context = {0};
	ReturnSetInfo result = {0};
	TupleTableSlot *slot;
	bool		found = false;

	function.fn_oid = row_type ? F_RECORD_IN : F_PG_EVENT_TRIGGER_DDL_COMMANDS;
	function.fn_mcxt = CurrentMemoryContext;
	context.type = T_ExprContext;
	context.ecxt_per_query_memory = CurrentMemoryContext;
	context.ecxt_per_tuple_memory = CurrentMemoryContext;
	result.type = T_ReturnSetInfo;
	result.econtext = &context;
	result.expectedDesc = row_type;
	result.allowedModes = SFRM_Materialize;
	InitFunctionCallInfoData(*fcinfo, &function, 0, InvalidOid, NULL, (Node *) &result);
	pg_event_trigger_ddl_commands(fcinfo);
	if (row_type == NULL)
	{
		MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);

		row_type = CreateTupleDescCopy(result.setDesc);
		MemoryContextSwitchTo(before);
	}
	slot = MakeSingleTupleTableSlot(result.setDesc, &TTSOpsMinimalTuple);
	while (!found && tuplestore_gettupleslot(result.setResult, true, true, slot))
	{
		slot_getallattrs(slot);
		found = slot->tts_isnull[5] || strcmp(TextDatumGetCString(slot->tts_values[5]), "pg_temp") != 0;
		*no_type = slot->tts_isnull[4];
		*no_identity = slot->tts_isnull[6];
		/* copies: the slot's memory goes */
		if (!*no_type)
			*type = PointerGetDatum(PG_DETOAST_DATUM_COPY(slot->tts_values[4]));
		if (!*no_identity)
			*identity = PointerGetDatum(PG_DETOAST_DATUM_COPY(slot->tts_values[6]));
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(result.setResult);
	return found;
}

Datum
floor_trigger(PG_FUNCTION_ARGS)
{
	EventTriggerData *event = (EventTriggerData *) fcinfo->context;
	const char *tag = GetCommandTagName(event->tag);
	const char *string = debug_query_string ? debug_query_string : "";
	Datum		values[14];
	bool		nulls[14] = {0};
	char		transaction[24];
	int			length;
	List	   *path;
	Relation	table,
				index;
	HeapTuple	tuple;

	if (!object_of_command(&values[7], &values[8], &nulls[7], &nulls[8]))
	{
		if (strncmp(tag, "DROP ", 5) != 0)
			PG_RETURN_NULL();
		nulls[7] = nulls[8] = true;
	}
	if (table_id == InvalidOid)
		find_all();
	length = pg_mbcliplen(string, strnlen(string, TEXT_BYTES), TEXT_BYTES);
	values[0] = PointerGetDatum(cstring_to_text_with_len(string, length));
	values[1] = Int64GetDatum(nextval_internal(sequence_id, false));
	values[2] = CStringGetTextDatum(event->event);
	values[3] = CStringGetTextDatum(tag);
	values[4] = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	values[5] = database;
	path = fetch_search_path(false);
	nulls[6] = path == NIL;
	if (path != NIL)
		values[6] = CStringGetTextDatum(get_namespace_name(linitial_oid(path)));
	/* the bench comes by a Unix socket */
	nulls[9] = nulls[10] = true;
	values[11] = TimestampTzGetDatum(GetCurrentStatementStartTimestamp());
	snprintf(transaction, sizeof(transaction), UINT64_FORMAT,
			 U64FromFullTransactionId(GetTopFullTransactionId()));
	values[12] = CStringGetTextDatum(transaction);
	values[13] = message;

	table = table_open(table_id, RowExclusiveLock);
	index = index_open(index_id, RowExclusiveLock);
	tuple = heap_form_tuple(RelationGetDescr(table), values, nulls);
	simple_heap_insert(table, tuple);
	index_insert(index, &values[1], &nulls[1], &tuple->t_self, table, UNIQUE_CHECK_YES,
#if PG_VERSION_NUM >= 140000
				 false,
#endif
				 BuildIndexInfo(index));
	index_close(index, NoLock);
	table_close(table, NoLock);
	PG_RETURN_NULL();
}
