SELECT pgq.create_queue('q'), pgq.create_queue('gone');
SELECT pgq.register_consumer('q', 'c'), pgq.insert_event('q', 'kind', 'data'), pgq.drop_queue('gone');
SELECT pgq.ticker('q'), pgq.next_batch('q', 'c');
SELECT pgq.maint_rotate_tables_step1('q');
