SELECT topology.CreateTopology('town', 4326);
CREATE TABLE parcels (id int PRIMARY KEY);
SELECT topology.AddTopoGeometryColumn('town', 'public', 'parcels', 'area', 'POLYGON');
INSERT INTO parcels VALUES (1, topology.toTopoGeom(ST_GeomFromText('POLYGON((0 0, 0 1, 1 1, 1 0, 0 0))', 4326), 'town', 1));
SELECT topology.CreateTopology('gone', 4326);
SELECT topology.DropTopology('gone');
ALTER TABLE parcels ADD COLUMN name text;
