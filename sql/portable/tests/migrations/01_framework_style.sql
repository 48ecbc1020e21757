-- As the migrations of web frameworks: one transaction, quoted names, generated names of constraints, data in between.
BEGIN;
--
-- Create model Author
--
CREATE TABLE "library_author" ("id" serial NOT NULL PRIMARY KEY, "name" varchar(100) NOT NULL, "e;mail" varchar(254) NOT NULL UNIQUE, "born" date NULL);
CREATE TABLE "library_book" ("id" bigserial NOT NULL PRIMARY KEY, "title" varchar(200) NOT NULL, "author_id" integer NOT NULL, "pages" integer NOT NULL CHECK ("pages" >= 0), "meta" jsonb DEFAULT '{}'::jsonb NOT NULL);
ALTER TABLE "library_book" ADD CONSTRAINT "library_book_author_id_5f0d7b3a_fk_library_author_id" FOREIGN KEY ("author_id") REFERENCES "library_author" ("id") DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX "library_author_name_1b6f_like" ON "library_author" ("name" varchar_pattern_ops);
CREATE INDEX "library_book_author_id_5f0d7b3a" ON "library_book" ("author_id");
INSERT INTO "library_author" ("name", "e;mail") VALUES ('O''Brien; "Flann"', 'f@example.org') RETURNING "id";
ALTER TABLE "library_book" ADD COLUMN "isbn" varchar(13) DEFAULT '' NOT NULL;
ALTER TABLE "library_book" ALTER COLUMN "isbn" DROP DEFAULT;
ALTER TABLE "library_book" RENAME COLUMN "pages" TO "page_count";
ALTER TABLE "library_book" ALTER COLUMN "title" TYPE text USING "title"::text, ALTER COLUMN "page_count" DROP NOT NULL;
ALTER TABLE "library_book" ADD CONSTRAINT "unique_book" UNIQUE ("author_id", "title");
ALTER TABLE "library_author" RENAME TO "library_writer";
ALTER SEQUENCE "library_author_id_seq" RENAME TO "library_writer_id_seq";
COMMIT;
BEGIN;
CREATE TABLE schema_migrations (version varchar NOT NULL PRIMARY KEY);
CREATE TABLE "users" ("id" bigserial primary key, "login" character varying, "admin" boolean DEFAULT FALSE, "created_at" timestamp(6) NOT NULL);
CREATE UNIQUE INDEX "index_users_on_lower_login" ON "users" (lower("login")) WHERE "login" IS NOT NULL;
SAVEPOINT active_record_1;
ALTER TABLE "users" ADD "broken" integer;
ROLLBACK TO SAVEPOINT active_record_1;
ALTER TABLE "users" ADD "whole" integer DEFAULT 3;
RELEASE SAVEPOINT active_record_1;
INSERT INTO "schema_migrations" (version) VALUES ('20240101000000');
COMMENT ON COLUMN "users"."login" IS E'it''s\nthe login; \\ "x"';
CREATE TABLE IF NOT EXISTS "users" ("id" bigserial primary key);
DROP TABLE IF EXISTS "never";
COMMIT;
