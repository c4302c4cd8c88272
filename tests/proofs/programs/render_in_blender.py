"""Imports a model file into Blender and renders it as our previews are rendered: run by Blender's Python.

One JSON object is the only argument: {model, png, size_px, fov_rad, camera, light, ambient, diffuse}, with
camera (4, 4) in columns right, up, back, origin, and light the direction (3,) in which it travels.
"""

import json
import math
import sys

import bpy
import mathutils

SAMPLES = 32
IMPORTERS = {
    "glb": lambda path: bpy.ops.import_scene.gltf(filepath=path),
    "obj": lambda path: bpy.ops.wm.obj_import(filepath=path),
    "usdz": lambda path: bpy.ops.wm.usd_import(filepath=path),
}


def main() -> None:
    request = json.loads(sys.argv[-1])
    bpy.ops.wm.read_factory_settings(use_empty=True)
    IMPORTERS[request["model"].rsplit(".", 1)[1]](request["model"])
    assert any(thing.type == "MESH" for thing in bpy.data.objects), "Blender imported no mesh"
    place_camera(request["camera"], request["fov_rad"])
    place_light(request["light"], request["ambient"], request["diffuse"])
    render(request["png"], request["size_px"])


def place_camera(matrix: list[list[float]], fov_rad: float) -> None:
    data = bpy.data.cameras.new("camera")
    data.angle = fov_rad
    camera = bpy.data.objects.new("camera", data)
    camera.matrix_world = mathutils.Matrix(matrix)
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera


def place_light(travels: list[float], ambient: float, diffuse: float) -> None:
    """Light from all around, and from one direction and its opposite: ambient + diffuse |cos|, no shadows."""
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("world")
    background = scene.world.node_tree.nodes["Background"]
    background.inputs["Color"].default_value = (1.0, 1.0, 1.0, 1.0)
    background.inputs["Strength"].default_value = ambient
    for sign in (1.0, -1.0):
        data = bpy.data.lights.new("sun", "SUN")
        data.energy = diffuse * math.pi  # a white matt surface facing it then sends back `diffuse`
        data.use_shadow = False
        sun = bpy.data.objects.new("sun", data)
        direction = mathutils.Vector(travels) * sign
        sun.rotation_euler = direction.to_track_quat("-Z", "Y").to_euler()
        scene.collection.objects.link(sun)


def render(png: str, size_px: int) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_denoising = False
    scene.cycles.max_bounces = 0
    scene.cycles.pixel_filter_type = "BOX"
    scene.cycles.filter_width = 1.0
    scene.render.threads_mode = "FIXED"
    scene.render.threads = 1
    scene.render.film_transparent = True
    scene.render.resolution_x = scene.render.resolution_y = size_px
    scene.view_settings.view_transform = "Standard"  # sRGB, as our pictures are
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA"
    scene.render.filepath = png
    bpy.ops.render.render(write_still=True)


main()
